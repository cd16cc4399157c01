# operators/mlp.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'A plain MLP: y = ',
        str(_given['activation']),
        '(up).\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    if (_given['activation'] == 'gelu'):
        _text += (
            '        y = F.gelu(up, approximate="tanh")\n',
        )
    elif (_given['activation'] == 'gelu_erf'):
        _text += (
            '        y = F.gelu(up)\n',
        )
    elif (_given['activation'] == 'relu2'):
        _text += (
            '        y = F.relu(up).square()\n',
        )
    else:
        _text += (
            '        y = F.',
            str(_given['activation']),
            '(up)\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/mlp.py.j2': 4201577882,
}
BLOCKS = {'doc': doc, 'forward': forward}
