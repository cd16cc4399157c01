# operators/laurel.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'A learned augmented residual of low rank (LAuReL, arXiv 2411.07501).\n\ny = u + ',
        str(('norm(up)' if _given['normed'] else 'up')),
        ', where up is made of `rank` channels.\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    if _given['normed']:
        _text += (
            '        y = u + F.rms_norm(up, up.shape[-1:], self.norm_weight.type_as(up), self.eps)\n',
        )
    else:
        _text += (
            '        y = u + up\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/laurel.py.j2': 1420451614,
}
BLOCKS = {'doc': doc, 'forward': forward}
