# operators/rg_lru.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'The recurrent block of Griffin (arXiv 2402.19427): a gated diagonal recurrence.\n\nh_t = a_t h_{t-1} + sqrt(1 - a_t^2) i_t x_t with a_t = exp(-8 softplus(decay) r_t).\n',
    )
    if _given['whole']:
        _text += (
            'The first token of a sequence has no factor sqrt(1 - a_t^2).\n',
        )
    return "".join(_text)


def weights(_given):
    _text = []
    _text += (
        '        side = ',
        str(_given['inner']),
        ' // blocks\n        self.input_gate_weight = nn.Parameter(torch.empty(blocks, side, side))\n        self.input_gate_bias = nn.Parameter(torch.empty(',
        str(_given['inner']),
        '))\n        self.recurrence_gate_weight = nn.Parameter(torch.empty(blocks, side, side))\n        self.recurrence_gate_bias = nn.Parameter(torch.empty(',
        str(_given['inner']),
        '))\n        self.decay = nn.Parameter(torch.empty(',
        str(_given['inner']),
        '))\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    _text += (
        '        i = block_diagonal(x, ',
        str(_given['m']),
        '.input_gate_weight, ',
        str(_given['m']),
        '.input_gate_bias)\n        r = block_diagonal(x, ',
        str(_given['m']),
        '.recurrence_gate_weight, ',
        str(_given['m']),
        '.recurrence_gate_bias)\n',
    )
    if _given['whole']:
        _text += (
            '        h = entering(x, i, r, ',
            str(_given['m']),
            '.decay, state.h, state)\n',
        )
    _text += (
        '        y, state.h = rg_lru(x, i, r, ',
        str(_given['m']),
        '.decay, ',
        str(('h' if _given['whole'] else 'state.h')),
        ', gate, cu_seqlens=state.cu_seqlens)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/rg_lru.py.j2': 4002257404,
}
BLOCKS = {'doc': doc, 'weights': weights, 'forward': forward}
