# hf/configuration.py.j2 as Python. Do not edit: `make golden` writes it.


def whole(_given):
    _text = []
    _text += (
        str(_given['plan'].header),
        '\n"""The configuration of ',
        str(_given['plan'].model),
        ': its numbers, by transformers\' names where they\nhave one."""\n\nfrom transformers import PreTrainedConfig\n\n\nclass ',
        str(_given['plan'].model),
        'Config(PreTrainedConfig):\n    """`attribute_map` has the names of the source, which the modeling file reads."""\n\n    model_type = "',
        str(_given['hf'].model_type),
        '"\n    keys_to_ignore_at_inference = ["cache"]\n    base_model_tp_plan = {"embedding": "embedding_rowwise"}\n    attribute_map = {\n',
    )
    for ours, theirs in _given['hf'].names.items():
        _text += (
            '        "',
            str(ours),
            '": "',
            str(theirs),
            '",\n',
        )
    _text += (
        '    }\n\n',
    )
    for line in _given['hf'].fields:
        _text += (
            '    ',
            str(line),
            '\n',
        )
    _text += (
        '    layer_types: list[str] | None = None  # of the layers that keep something\n',
    )
    return "".join(_text)


SOURCES = {
    'hf/configuration.py.j2': 2848694259,
}
BLOCKS = {'whole': whole}
