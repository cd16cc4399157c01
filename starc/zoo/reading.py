"""A configuration -> what it says, or every field that cannot be said."""

from collections.abc import Mapping
from typing import Any

from starc.artefacts import ArtefactError
from starc.printable import printable
from starc.zoo.error import ZooError
from starc.zoo.families import NAMES, family
from starc.zoo.family import Family, Reading

OF_EVERY_MODEL = {
    "model_type": "names the family",
    "architectures": "names the class, which is checked",
    "auto_map": "code beside the weights, which is never run",
    "transformers_version": "says who wrote the file",
    "starc_version": "says who wrote the file",
    "_name_or_path": "says where the file came from",
    "name_or_path": "says where the file came from",
    "_commit_hash": "says where the file came from",
    "_attn_implementation_autoset": "how it is computed, not what",
    "_attn_implementation": "how it is computed, not what",
    "attn_implementation": "how it is computed, not what",
    "dtype": "of the weights, which are taken as they are",
    "torch_dtype": "of the weights, which are taken as they are",
    "use_cache": "how it is computed, not what",
    "return_dict": "how it answers, not what",
    "return_dict_in_generate": "how it answers, not what",
    "output_hidden_states": "how it answers, not what",
    "output_attentions": "how it answers, not what",
    "chunk_size_feed_forward": "how it is computed, not what",
    "initializer_range": "how a new model starts",
    "bos_token_id": "of the text",
    "eos_token_id": "of the text",
    "pad_token_id": "of the text",
    "sep_token_id": "of the text",
    "decoder_start_token_id": "of the text",
    "id2label": "of a classifier",
    "label2id": "of a classifier",
    "num_labels": "of a classifier",
    "problem_type": "of a classifier",
    "finetuning_task": "of a classifier",
    "task_specific_params": "of other programs",
    "tokenizer_class": "of the text",
    "prefix": "of the text",
    "torchscript": "how it is run",
    "use_bfloat16": "how it is run",
    "tf_legacy_loss": "how it is run",
    "pruned_heads": "nothing is pruned any more",
} | dict.fromkeys(
    (
        *("max_length", "min_length", "do_sample", "early_stopping", "num_beams"),
        *("num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p"),
        *("typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size"),
        *("encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences"),
        *("output_scores", "forced_bos_token_id", "forced_eos_token_id"),
        *("remove_invalid_values", "exponential_decay_length_penalty"),
        *("suppress_tokens", "begin_suppress_tokens", "max_new_tokens"),
    ),
    "how text is drawn",
)
"""Fields that change no logits -> what they are."""

FALSE_OF_EVERY_MODEL = {
    "is_encoder_decoder": False,
    "is_decoder": False,
    "add_cross_attention": False,
    "cross_attention_hidden_size": None,
    "tie_encoder_decoder": False,
}
"""Fields that have to be at their defaults."""

MOST_FIELDS = 1000


def read(config: Any) -> Reading:
    """What a configuration says. Raises ZooError with every field that is wrong."""
    if not isinstance(config, dict):
        raise ZooError("The configuration is no object")
    if len(config) > MOST_FIELDS:
        raise ZooError(f"The configuration has more than {MOST_FIELDS} fields")
    found = _family(config)
    values: dict[str, Any] = {}
    known = {*OF_EVERY_MODEL, *FALSE_OF_EVERY_MODEL}
    settings: dict[str, Any] = {}
    notes: list[str] = []
    wrong: list[str] = []
    for name, field in found.fields.items():
        known.update(field.keys(name))
        try:
            values[name] = field.read(name, config, values)
            settings |= field.settings(values[name], values)
            notes += filter(None, [field.note(name, values[name])])
        except ArtefactError as error:
            wrong.append(str(error))
        except KeyError:
            pass  # it needs a field above, of which something was said already
    wrong += [
        f"{name} = {_short(config[name])}: it has no word here"
        for name, fine in FALSE_OF_EVERY_MODEL.items()
        if name in config and config[name] not in (fine, None)
    ]
    wrong += [
        f"{_short(name)} = {_short(config[name])}: a {found.name} has no such field"
        for name in config
        if name not in known and config[name] is not None
    ]
    if not wrong:
        try:
            for address, value in found.always.items():
                settings[address] = value(values) if callable(value) else value
            layers = tuple(found.layers(values))
            return Reading(found, values, settings, layers, tuple(notes))
        except ArtefactError as error:
            wrong.append(str(error))
    raise ZooError(f"This {found.name} cannot be said exactly", tuple(wrong))


def _family(config: Mapping[str, Any]) -> Family:
    name = config.get("model_type")
    if not isinstance(name, str):
        raise ZooError("The configuration has no model_type, which names the family")
    if name not in NAMES:
        raise ZooError(
            f"{_short(name)}: this family cannot be imported; `starc zoo` lists all"
        )
    found = family(name)
    architectures = config.get("architectures")
    if architectures and architectures != [found.architecture]:
        raise ZooError(
            f"architectures = {_short(architectures)}: of the family {name} the class "
            f"{found.architecture} is imported, with its head"
        )
    return found


def _short(value: Any) -> str:
    """A value from outside, as it can be shown in a line."""
    text = str(value)
    return printable(text[:60]) + ("..." if len(text) > 60 else "")
