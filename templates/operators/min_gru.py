# operators/min_gru.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'The minimal GRU (arXiv 2410.01201): its gate does not see the state.\n\nh_t = (1 - z_t) h_{t-1} + z_t x_t with z_t = sigmoid(gate_t),  y_t = h_t.\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    _text += (
        '        y, state.h = min_gru(x, gate, state.h, cu_seqlens=state.cu_seqlens)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/min_gru.py.j2': 3198384198,
}
BLOCKS = {'doc': doc, 'forward': forward}
