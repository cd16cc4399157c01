# operators/glu.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'A gated linear unit: y = ',
        str(('sigmoid(share) ' if _given['share'] else '')),
        str(('gate sigmoid(alpha gate)' if _given['alpha'] else (str(_given['activation']) + str('(gate)')))),
        ' * ',
        str(('(up + up_offset)' if _given['up_offset'] else 'up')),
        '.\n',
    )
    if _given['sparse']:
        _text += (
            '\nOf gate only what is above the mean by `cutoff` deviations is left.\n',
        )
    if _given['limit']:
        _text += (
            '\ngate is cut at `limit`, up at both ends.\n',
        )
    return "".join(_text)


def forward(_given):
    _text = []
    kind = ((str(', "') + str(_given['activation']) + str('"')) if (_given['activation'] != 'silu') else '')
    g = ('gate.clamp(max=self.limit)' if _given['limit'] else 'gate')
    u = ('up.clamp(-self.limit, self.limit)' if _given['limit'] else 'up')
    u = ((str('(') + str(u) + str(' + self.up_offset)')) if _given['up_offset'] else u)
    if _given['sparse']:
        _text += (
            '        mean, deviation = gate.mean(-1, True), gate.std(-1, correction=0, keepdim=True)\n        gate = F.relu(gate - mean - self.cutoff * deviation)\n',
        )
    if (_given['product'] and _given['share']):
        _text += (
            '        gate_up_share = ',
            str(_given['product']),
            '\n        y = swiglu(gate_up_share[..., :-1]',
            str(kind),
            ')\n        share = gate_up_share[..., -1:]\n',
        )
    elif _given['product']:
        _text += (
            '        y = swiglu(',
            str(_given['product']),
            str(kind),
            ')\n',
        )
    elif (_given['alpha'] and _given['limit']):
        _text += (
            '        bounded = ',
            str(g),
            '\n        linear = up.clamp(-self.limit, self.limit)',
            str((' + self.up_offset' if _given['up_offset'] else '')),
            '\n        y = bounded * (self.alpha * bounded).sigmoid() * linear\n',
        )
    elif _given['alpha']:
        _text += (
            '        y = gate * (self.alpha * gate).sigmoid() * ',
            str(u),
            '\n',
        )
    elif (_given['activation'] == 'silu'):
        _text += (
            '        y = F.silu(',
            str(g),
            ') * ',
            str(u),
            '\n',
        )
    elif (_given['activation'] == 'gelu'):
        _text += (
            '        y = F.gelu(',
            str(g),
            ', approximate="tanh") * ',
            str(u),
            '\n',
        )
    elif (_given['activation'] == 'gelu_erf'):
        _text += (
            '        y = F.gelu(',
            str(g),
            ') * ',
            str(u),
            '\n',
        )
    elif (_given['activation'] == 'relu'):
        _text += (
            '        y = F.relu(',
            str(g),
            ') * ',
            str(u),
            '\n',
        )
    elif (_given['activation'] == 'relu2'):
        _text += (
            '        y = F.relu(',
            str(g),
            ').square() * ',
            str(u),
            '\n',
        )
    else:
        _text += (
            '        y = ',
            str(g),
            '.sigmoid() * ',
            str(u),
            '\n',
        )
    if (_given['share'] and (not _given['behind'])):
        _text += (
            '        y = y * share.sigmoid()  # (B, T, 1)\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/glu.py.j2': 1391443256,
}
BLOCKS = {'doc': doc, 'forward': forward}
