# operators/gated_conv.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    if _given['sigmoid_gates']:
        _text += (
            'A gated short convolution: y = sigmoid(c) * conv(sigmoid(b) * x), causal.\n',
        )
    else:
        _text += (
            'A gated short convolution: y = c * conv(b * x), causal and depthwise.\n',
        )
    return "".join(_text)


def forward(_given):
    _text = []
    bias = ((str(_given['m']) + str('.filter_bias')) if _given['filter_bias'] else 'None')
    rest = (str(_given['m']) + str('.filter, ') + str(bias) + str(', state.conv'))
    gated = (', sigmoid=True' if _given['sigmoid_gates'] else '')
    if (not _given['fused']):
        gate = ('.sigmoid()' if _given['sigmoid_gates'] else '')
        _text += (
            '        y, state.conv = short_conv(b',
            str(gate),
            ' * x, ',
            str(rest),
            ', cu_seqlens=state.cu_seqlens)\n        y = c',
            str(gate),
            ' * y\n',
        )
    elif _given['product']:
        if (_given['product'] != 'bcx'):
            _text += (
                '        bcx = ',
                str(_given['product']),
                '  # (B, T, 3 D)\n',
            )
        _text += (
            '        y, state.conv = gated_conv_fused(bcx, ',
            str(rest),
            str(gated),
            ', cu_seqlens=state.cu_seqlens)\n',
        )
    else:
        _text += (
            '        y, state.conv = gated_conv(b, c, x, ',
            str(rest),
            str(gated),
            ', cu_seqlens=state.cu_seqlens)\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/gated_conv.py.j2': 3322613974,
}
BLOCKS = {'doc': doc, 'forward': forward}
