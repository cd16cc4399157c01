"""The extra `hub`: what people tune, quantise and evaluate with, on a folder."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.export.folders import ALL, exported, ids, loaded
from tests.sampled import sampled

HYBRIDS = [
    *("parallel", "lfm2", "zamba", "delta_hybrid", "star_genome", "gemma3n"),
    *("moe_hybrid", "hyper_connections", "xlstm", "griffin", "deepseek_v2_lite"),
    *("striped_mamba", "genome_0"),
]
FEW = sampled(ALL, ("parallel",))


def texts(model: Any, rows: int) -> list[str]:
    found = [ids(model, 1, 12 - i % 3, i)[0].tolist() for i in range(rows)]
    return [" ".join(f"t{token}" for token in row) for row in found]


def words(model: Any) -> Any:
    """A tokenizer: t0, t1, ... for the tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocab = {f"t{i}": i for i in range(model.config.vocab_size)}
    found = Tokenizer(models.WordLevel(vocab, unk_token="t0"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=found, pad_token="t1", eos_token="t2"
    )


@pytest.mark.parametrize("name", FEW)
def test_lora_reaches_every_projection(name: str) -> None:
    """And what it adds is there, merged and taken out again."""
    peft = pytest.importorskip("peft")
    model = loaded(name, torch.float64)
    linear = {
        key
        for key, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and key != "lm_head"
    }
    x = ids(model, 2, 7)
    plain = model(x).logits
    config = peft.LoraConfig(target_modules="all-linear", r=2, task_type="CAUSAL_LM")
    tuned = peft.get_peft_model(model, config).eval()
    reached = {
        key.removeprefix("base_model.model.").removesuffix(".base_layer")
        for key, _ in tuned.named_modules()
        if key.endswith(".base_layer")
    }
    assert reached == linear
    for key, parameter in tuned.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.1)
    with torch.no_grad():
        beside = tuned(x).logits
        tuned.merge_adapter()
        merged = tuned(x).logits
        tuned.unmerge_adapter()
        again = tuned(x).logits
    assert float((beside - plain).abs().max()) > 1e-3
    torch.testing.assert_close(merged, beside, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(again, beside, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", HYBRIDS)
def test_int8_weights(name: str) -> None:
    quantization = pytest.importorskip("torchao.quantization")
    model = loaded(name)
    x = ids(model, 2, 7)
    exact = model(x).logits
    quantization.quantize_(model, quantization.Int8WeightOnlyConfig())
    error = (model(x).logits - exact).abs().max() / exact.abs().max()
    assert 0 < float(error) < 0.2
    assert model.generate(x, max_new_tokens=3, pad_token_id=0).shape == (2, 10)


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", HYBRIDS)
def test_trainer(name: str, packed: bool, tmp_path: Path) -> None:
    """With gradient checkpointing, documents packed or not: the loss falls."""
    pytest.importorskip("accelerate")
    from transformers import DataCollatorWithFlattening, Trainer, TrainingArguments

    model = loaded(name).train()
    lengths = [12 - i % 3 if packed else 12 for i in range(6)]
    rows = [ids(model, 1, length, i)[0].tolist() for i, length in enumerate(lengths)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=10,
        per_device_train_batch_size=6,
        gradient_checkpointing=True,
        learning_rate=3e-3,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=[{"input_ids": row, "labels": row} for row in rows],
        data_collator=DataCollatorWithFlattening() if packed else None,
    )
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("name", HYBRIDS)
def test_trl(name: str, packing: bool, tmp_path: Path) -> None:
    trl, datasets = pytest.importorskip("trl"), pytest.importorskip("datasets")
    model = loaded(name).train()
    config = trl.SFTConfig(
        output_dir=str(tmp_path),
        max_steps=10,
        per_device_train_batch_size=4,
        packing=packing,
        max_length=32,
        learning_rate=3e-3,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
    )
    rows = datasets.Dataset.from_list([{"text": text} for text in texts(model, 8)])
    trainer = trl.SFTTrainer(
        model=model, args=config, train_dataset=rows, processing_class=words(model)
    )
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", HYBRIDS)
def test_lm_eval(name: str) -> None:
    """Log-likelihoods of a batch of unequal lengths are those of the emitted model."""
    huggingface = pytest.importorskip("lm_eval.models.huggingface")
    instance = pytest.importorskip("lm_eval.api.instance").Instance
    _, emitted = exported(name)
    model = loaded(name)
    found = huggingface.HFLM(pretrained=model, tokenizer=words(model), batch_size=2)
    asked = [("t3 t4 t5", " t6"), ("t3", " t6 t7 t8")]
    given = [instance("loglikelihood", {}, pair, i) for i, pair in enumerate(asked)]
    for (context, rest), (likelihood, _) in zip(
        asked, found.loglikelihood(given), strict=True
    ):
        tokens = [int(word[1:]) for word in (context + rest).split()]
        first = len(context.split())
        logs = emitted(torch.tensor([tokens])).log_softmax(-1)[0]
        expected = sum(logs[i - 1, tokens[i]] for i in range(first, len(tokens)))
        assert likelihood == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", HYBRIDS)
def test_loaded_by_accelerate(name: str) -> None:
    """On the device meta first, then with a device map."""
    pytest.importorskip("accelerate")
    model = loaded(name)
    x = ids(model, 2, 5)
    mapped = loaded(name, device_map="cpu")
    assert torch.equal(mapped(x).logits, model(x).logits)


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("name", HYBRIDS)
def test_compiled(name: str) -> None:
    """Traced; a backend that makes machine code would take minutes."""
    model = loaded(name)
    x = ids(model, 2, 6)
    compiled: Any = torch.compile(model, backend="aot_eager")
    expected = model(x).logits
    torch.testing.assert_close(compiled(x, use_cache=False).logits, expected)
    assert compiled.generate(x, max_new_tokens=2, pad_token_id=0).shape == (2, 8)
