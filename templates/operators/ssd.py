# operators/ssd.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        "A state-space layer with one decay for each head (Mamba-2, arXiv 2405.21060).\n\nh_t = exp(dt_t A) h_{t-1} + dt_t x_t b_t',  y_t = h_t c_t + skip x_t for each head,\nthen ",
        str({'none': 'y silu(z)', 'before': 'RMSNorm(y silu(z))', 'after': 'RMSNorm(y) silu(z)'}[('none' if (_given['norm'] == 'none') else _given['gate'])]),
        str((', the channels of each group by themselves' if (_given['norm'] == 'grouped') else '')),
        '.\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    _text += (
        '        step = F.softplus(dt + ',
        str(_given['m']),
        '.dt_bias)',
        str(((str('.clamp(') + str(_given['limits']) + str(')')) if _given['limits'] else '')),
        '  # (B, T, H)\n',
    )
    if ('x' in _given['computed']):
        _text += (
            '        x = x.unflatten(-1, (self.heads, self.head_dim))  # (B, T, H, P)\n',
        )
    for name in ['b', 'c']:
        if (name in _given['computed']):
            _text += (
                '        ',
                str(name),
                ' = ',
                str(name),
                '.unflatten(-1, (self.state_groups, self.states))  # (B, T, G, N)\n',
            )
    _text += (
        '        y, state.h = ssd(x, step, ',
        str(_given['m']),
        '.a_log, b, c, ',
        str(_given['m']),
        '.skip, state.h, cu_seqlens=state.cu_seqlens)\n        y = y.flatten(2)',
        str((' * F.silu(z)' if (_given['gate'] == 'before') else '')),
        '\n',
    )
    if (_given['norm'] == 'grouped'):
        _text += (
            '        y = y.unflatten(-1, (self.state_groups, -1))\n        y = F.rms_norm(y, y.shape[-1:], eps=',
            str(_given['eps']),
            ').flatten(2)\n        y = y * self.norm_weight.type_as(y)\n',
        )
    elif (_given['norm'] == 'full'):
        _text += (
            '        y = F.rms_norm(y, y.shape[-1:], self.norm_weight.type_as(y), ',
            str(_given['eps']),
            ')\n',
        )
    if (_given['gate'] == 'after'):
        _text += (
            '        y = y * F.silu(z)\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/ssd.py.j2': 2563332387,
}
BLOCKS = {'doc': doc, 'forward': forward}
