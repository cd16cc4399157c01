"""README.md of an exported folder, from the IR."""

from starc import __version__
from starc.export.architecture import Architecture
from starc.ir.cost import costs
from starc.ir.show import as_table

_FRONT = """\
---
library_name: transformers
pipeline_tag: text-generation
tags:
  - starc
---
"""


def card(architecture: Architecture, call: str, load: str, notes: list[str]) -> str:
    """call: the command that wrote the folder. load: how it is loaded. notes: what a
    user of this form has to know, a sentence or two each."""
    model = architecture.model
    total = costs(model, model.context, 2).total
    rows = [("parameters", f"{total.params:,}")]
    if total.idle:
        rows.append(("of these a token computes with", f"{total.active:,}"))
    cache = f"{total.cache_bytes / 2**20:,.2f} MiB"
    rows += [
        ("channels", f"{model.width:,}"),
        ("vocabulary", f"{model.vocab:,}"),
        ("context", f"{model.context:,} tokens"),
        (f"cache of {model.context:,} tokens, bfloat16", f"{cache} a sequence"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    targets = ", ".join(f'"{name}"' for name in architecture.projections())
    others = ", ".join(f"`{name}`" for name in architecture.other_matrices())
    unreached = (
        f"\nWhat is no `nn.Linear` stays as it is: {others}.\n" if others else ""
    )
    points = "\n".join(f"- {note}" for note in notes)
    return f"""\
{_FRONT}
# {architecture.plan.model}

{architecture.plan.docstring[0]} Compiled by starc {__version__} from
`{architecture.name}.star`, which is in this folder:

    {call}

| | |
|---|---|
{table}

## Load

{load}

{points}

## LoRA

`target_modules="all-linear"` reaches every `nn.Linear`, and all of them are called. By
name:

```python
target_modules = [{targets}]
```
{unreached}
## Layers

```
{as_table(model, model.context, "bf16").rstrip()}
```
"""
