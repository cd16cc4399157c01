# operators/linear_attention.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'Causal linear attention (arXiv 2006.16236).\n\ny_i = phi(q_i) sum_j phi(k_j) v_j',
        str((' / phi(q_i) sum_j phi(k_j)' if _given['normalize'] else '')),
        ', j <= i.\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    for name, heads, letters in [('q', 'heads', 'H',), ('k', 'kv_heads', 'G',), ('v', 'kv_heads', 'G',)]:
        if (name in _given['computed']):
            if ((name != 'v') and (_given['feature_map'] == 'elu')):
                _text += (
                    '        ',
                    str(name),
                    ' = F.elu(',
                    str(name),
                    ') + 1\n',
                )
            elif ((name != 'v') and (_given['feature_map'] != 'none')):
                _text += (
                    '        ',
                    str(name),
                    ' = F.',
                    str(_given['feature_map']),
                    '(',
                    str(name),
                    ')\n',
                )
            _text += (
                '        ',
                str(name),
                ' = ',
                str(name),
                '.unflatten(-1, (self.',
                str(heads),
                ', self.head_dim))  # (B, T, ',
                str(letters),
                ', K)\n',
            )
    _text += (
        '        y, state.h = linear_attention(q, k, v, state.h',
        str((', normalize=False' if (not _given['normalize']) else '')),
        ', cu_seqlens=state.cu_seqlens)\n        y = y.flatten(2)  # (B, T, H K)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/linear_attention.py.j2': 3833467439,
}
BLOCKS = {'doc': doc, 'forward': forward}
