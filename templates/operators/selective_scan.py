# operators/selective_scan.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'A state-space layer with a selective state for each channel, arXiv 2312.00752.\n\nh_t = exp(dt_t A) h_{t-1} + dt_t b_t x_t,  y_t = c_t h_t + skip x_t',
        str((',  times silu(z)' if _given['gated'] else '')),
        '.\n',
    )
    if (_given['source'] == 'x'):
        _text += (
            'As in Mamba, b, c and dt are projections of x behind its convolution.\n',
        )
    return "".join(_text)


def forward(_given):
    _text = []
    for name in ['b', 'c', 'dt']:
        if not ((_given['norms'] != 'none') and (name in _given['computed'])): continue
        _text += (
            '        ',
            str(name),
            ' = F.rms_norm(',
            str(name),
            ', ',
            str(name),
            '.shape[-1:], ',
            str(((str(_given['w'][name]) + str('.') + str(name) + str('_norm.type_as(') + str(name) + str('), ') + str(_given['eps'])) if (_given['norms'] == 'weighted') else (str('eps=') + str(_given['eps'])))),
            ')\n',
        )
    _text += (
        '        step = F.softplus(F.linear(dt, ',
        str(_given['m']),
        '.dt_weight) + ',
        str(_given['m']),
        '.dt_bias)  # (B, T, D)\n        y, state.h = selective_scan(x, step, ',
        str(_given['m']),
        '.a_log, b, c, ',
        str(_given['m']),
        '.skip, state.h, cu_seqlens=state.cu_seqlens)\n',
    )
    if _given['gated']:
        _text += (
            '        y = y * F.silu(z)\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/selective_scan.py.j2': 564586611,
}
BLOCKS = {'doc': doc, 'forward': forward}
