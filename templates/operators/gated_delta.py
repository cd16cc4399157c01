# operators/gated_delta.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    decayed = {'none': '', 'head': 'a_t ', 'channel': 'diag(a_t) '}[_given['decay']]
    paper = {'none': '2406.06484', 'head': '2412.06464', 'channel': '2510.26692'}[_given['decay']]
    _text += (
        'The ',
        str(('gated ' if (_given['decay'] != 'none') else '')),
        'delta rule (arXiv ',
        str(paper),
        "): what is held for a key is replaced.\n\nS_t = (I - beta_t k_t k_t') ",
        str(decayed),
        "S_{t-1} + beta_t k_t v_t',  y_t = q_t S_t\nfor each head, k of length 1 and q of 1 / sqrt(N);  then RMSNorm(y) ",
        str(_given['gate_activation']),
        '(gate).\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    heads, letter = (('key_heads', 'G',) if _given['grouped'] else ('heads', 'H',))
    for name in ['q', 'k', 'v']:
        if not ((not _given['convolved']) and (name in _given['computed'])): continue
        _text += (
            '        ',
            str(name),
            ' = F.silu(',
            str(name),
            ')\n',
        )
    for name in ['q', 'k']:
        if not (name in _given['computed']): continue
        _text += (
            '        ',
            str(name),
            ' = ',
            str(name),
            '.unflatten(-1, (self.',
            str(heads),
            ', self.key_dim))  # (B, T, ',
            str(letter),
            ', N)\n',
        )
    if (('q' in _given['computed']) or ('k' in _given['computed'])):
        _text += (
            '        # of length 1 and 1 / sqrt(N): RMSNorm makes it sqrt(N)\n',
        )
    if ('q' in _given['computed']):
        _text += (
            '        q = F.rms_norm(q, q.shape[-1:], eps=1e-6 / self.key_dim) / self.key_dim\n',
        )
    if ('k' in _given['computed']):
        _text += (
            '        k = F.rms_norm(k, k.shape[-1:], eps=1e-6 / self.key_dim) * self.key_dim**-0.5\n',
        )
    if ('v' in _given['computed']):
        _text += (
            '        v = v.unflatten(-1, (self.heads, self.head_dim))  # (B, T, H, P)\n',
        )
    if (_given['decay'] != 'none'):
        rate = (str(_given['m']) + str('.a_log.exp()') + str(('[:, None]' if (_given['decay'] == 'channel') else '')))
        _text += (
            '        logit = ',
            str(((str('F.linear(decay, ') + str(_given['m']) + str('.decay_weight)')) if _given['decay_low'] else 'decay')),
            ' + ',
            str(_given['m']),
            '.dt_bias  # (B, T, H',
            str((' N' if (_given['decay'] == 'channel') else '')),
            ')\n',
        )
        if (_given['decay'] == 'channel'):
            _text += (
                '        logit = logit.unflatten(-1, (self.heads, self.key_dim))\n',
            )
        if _given['bounded']:
            _text += (
                '        log_decay = -self.decay_bound * torch.sigmoid(',
                str(rate),
                ' * logit)\n',
            )
        else:
            _text += (
                '        log_decay = -',
                str(rate),
                ' * F.softplus(logit)\n',
            )
    _text += (
        '        beta_t = ',
        str(('2 * ' if _given['doubled'] else '')),
        'beta.sigmoid()  # (B, T, H)\n        y, state.h = ',
        str(('channel' if (_given['decay'] == 'channel') else 'gated')),
        '_delta(q, k, v, ',
        str(('None' if (_given['decay'] == 'none') else 'log_decay')),
        ', beta_t, state.h, cu_seqlens=state.cu_seqlens)\n        y = F.rms_norm(y, y.shape[-1:], self.norm_weight.type_as(y), ',
        str(_given['eps']),
        ')\n',
    )
    gate = ((str('F.linear(gate, ') + str(_given['m']) + str('.gate_weight)')) if _given['gate_low'] else 'gate')
    _text += (
        '        y = y.flatten(2) * ',
        str(('F.silu' if (_given['gate_activation'] == 'silu') else 'torch.sigmoid')),
        '(',
        str(gate),
        ')\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/gated_delta.py.j2': 2325027002,
}
BLOCKS = {'doc': doc, 'forward': forward}
