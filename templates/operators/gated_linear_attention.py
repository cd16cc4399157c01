# operators/gated_linear_attention.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        "Linear attention whose state decays channel by channel (GLA, arXiv 2312.06635).\n\nS_t = diag(a_t) S_{t-1} + k_t v_t',  y_t = q_t S_t / sqrt(N) for each head, where\na_t = sigmoid(W decay_t + b)^(1/16);  then RMSNorm(y) silu(gate).\n",
    )
    return "".join(_text)


def forward(_given):
    _text = []
    if ('q' in _given['computed']):
        _text += (
            '        q = q * self.key_dim**-0.5\n        q = q.unflatten(-1, (self.heads, self.key_dim))  # (B, T, H, N)\n',
        )
    if ('k' in _given['computed']):
        _text += (
            '        k = k.unflatten(-1, (self.heads, self.key_dim))  # (B, T, H, N)\n',
        )
    if ('v' in _given['computed']):
        _text += (
            '        v = v.unflatten(-1, (self.heads, self.head_dim))  # (B, T, H, P)\n',
        )
    _text += (
        '        logit = F.linear(decay, ',
        str(_given['m']),
        '.decay_weight, ',
        str(_given['m']),
        '.decay_bias)  # (B, T, H N)\n        log_decay = F.logsigmoid(logit) / 16\n        log_decay = log_decay.unflatten(-1, (self.heads, self.key_dim))  # (B, T, H, N)\n        y, state.h = gated_linear_attention(q, k, v, log_decay, state.h, cu_seqlens=state.cu_seqlens)\n        y = F.rms_norm(y, y.shape[-1:], self.norm_weight.type_as(y), self.eps)\n        y = y.flatten(2) * F.silu(gate)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/gated_linear_attention.py.j2': 2178443395,
}
BLOCKS = {'doc': doc, 'forward': forward}
