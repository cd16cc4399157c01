# operators/mlstm.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        "A matrix memory with exponential gates (mLSTM, arXiv 2405.04517).\n\nC_t = f C_{t-1} + e^i v_t k_t',  n_t = f n_{t-1} + e^i k_t  for each head, and\ny_t = LayerNorm(C_t q_t / max(|n_t' q_t|, 1)) sigmoid(gate);  f is a sigmoid too.\n",
    )
    return "".join(_text)


def forward(_given):
    _text = []
    for name, width, letter in [('q', 'key_dim', 'N',), ('k', 'key_dim', 'N',), ('v', 'head_dim', 'P',)]:
        if not (name in _given['computed']): continue
        _text += (
            '        ',
            str(name),
            ' = ',
            str(name),
            '.unflatten(-1, (self.heads, self.',
            str(width),
            '))  # (B, T, H, ',
            str(letter),
            ')\n',
        )
    _text += (
        '        write = self.softcap * torch.tanh((i + ',
        str(_given['m']),
        '.i_bias) / self.softcap)\n        keep = self.softcap * torch.tanh((f + ',
        str(_given['m']),
        '.f_bias) / self.softcap)  # (B, T, H)\n        steps = F.softplus(-keep)  # -log f\n        # ssd multiplies what comes in with the steps\n        weight = (write.exp() / steps).unsqueeze(3)\n        # n is one more row of C, as if of a v that is 1\n        x = torch.cat([v, torch.ones_like(v[..., :1])], 3)  # (B, T, H, P + 1)\n        x = (x * weight).type_as(v)\n        zero = torch.zeros_like(',
        str(_given['m']),
        '.i_bias)  # (H)\n        query = q * self.key_dim**-0.5\n        y, state.c = ssd(x, steps, zero, k, query, zero, state.c, cu_seqlens=state.cu_seqlens)\n        y, n = y.split([self.head_dim, 1], dim=3)\n        y = y / n.abs().clamp(min=1)  # (B, T, H, P)\n        y = F.layer_norm(y, y.shape[-1:], eps=',
        str(_given['eps']),
        ').flatten(2)\n        y = y * self.norm_weight.type_as(y) * torch.sigmoid(gate)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/mlstm.py.j2': 1564510878,
}
BLOCKS = {'doc': doc, 'forward': forward}
