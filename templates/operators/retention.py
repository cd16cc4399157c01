# operators/retention.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'Linear attention whose state decays by a constant (arXiv ',
        str({'halving': '2307.08621', 'spread': '2401.04658'}[_given['decay']]),
        ").\n\nS_t = a S_{t-1} + v_t k_t',  y_t = S_t q_t for head h = 0, 1, ..., with\n",
    )
    if (_given['decay'] == 'halving'):
        _text += (
            'a = ',
            str(('(1 - 2^(-5 - h))^decay_scale' if _given['scaled_decay'] else '1 - 2^(-5 - h)')),
            ';  then RMSNorm(y) ',
            str(_given['gate_activation']),
            '(gate).\n',
        )
    else:
        _text += (
            'log a = -',
            str(('decay_scale ' if _given['scaled_decay'] else '')),
            '2^(-8 (h + 1) / H);  then RMSNorm(y) ',
            str(_given['gate_activation']),
            '(gate).\n',
        )
    return "".join(_text)


def forward(_given):
    _text = []
    def turned(x):
        _text = []
        if _given['plain']:
            _text += (
                'rotary(',
                str(x),
                ', state.position, self.theta',
                str((', self.rotary_dims' if _given['partial'] else '')),
                ')',
            )
        else:
            _text += (
                str(('self.amplitude * ' if _given['amplitude'] else '')),
                str(('turn_neighbours' if _given['adjacent'] else 'turn_halves')),
                '(',
                str(x),
                ', state.position, frequencies)',
            )
        return "".join(_text)
    def frequencies(dims):
        _text = []
        _text += (
            '        frequencies = rotary_frequencies(self.theta, self.',
            str(('rotary_dims' if (_given['partial'] and (not _given['spread'])) else dims)),
            ', u)\n',
        )
        if (_given['scaling'] == 'linear'):
            _text += (
                '        frequencies = frequencies / self.factor\n',
            )
        elif (_given['scaling'] == 'llama3'):
            _text += (
                '        frequencies = llama3_frequencies(frequencies, self.factor, self.trained, self.slow, self.fast)\n',
            )
        elif (_given['scaling'] == 'yarn'):
            _text += (
                '        frequencies = yarn_frequencies(frequencies, self.factor, self.ramp_start, self.ramp_end)\n',
            )
        if (_given['spread'] and _given['adjacent']):
            _text += (
                '        frequencies = frequencies[: self.rotary_dims // 2]\n',
            )
        elif _given['spread']:
            _text += (
                '        frequencies[self.rotary_dims // 2 :] = 0.0  # these pairs do not turn\n',
            )
        return "".join(_text)
    sizes = {'q': ('key_dim', 'N',), 'k': ('key_dim', 'N',), 'v': ('head_dim', 'P',)}
    if ((_given['rope'] and (not _given['plain'])) and (('q' in _given['computed']) or ('k' in _given['computed']))):
        _text += (
            str(frequencies('key_dim')),
        )
    for name in ['q', 'k', 'v']:
        if not (name in _given['computed']): continue
        if (_given['activation'] == 'silu'):
            _text += (
                '        ',
                str(name),
                ' = F.silu(',
                str(name),
                ')\n',
            )
        _text += (
            '        ',
            str(name),
            ' = ',
            str(name),
            '.unflatten(-1, (self.heads, self.',
            str(sizes[name][0]),
            '))  # (B, T, H, ',
            str(sizes[name][1]),
            ')\n',
        )
        if (_given['rope'] and (name != 'v')):
            _text += (
                '        ',
                str(name),
                ' = ',
                str(turned((str(name) + str('.transpose(1, 2)')))),
                '.transpose(1, 2)\n',
            )
    _text += (
        '        wide = torch.promote_types(u.dtype, torch.float32)\n        head = torch.arange(self.heads, device=u.device, dtype=wide)\n',
    )
    if (_given['decay'] == 'halving'):
        _text += (
            '        rate = -torch.log1p(-torch.exp2(-5 - head))  # -log a, (H)\n',
        )
    else:
        _text += (
            '        rate = torch.exp2(-8 * (head + 1) / self.heads)  # -log a, (H)\n',
        )
    if _given['scaled_decay']:
        _text += (
            '        rate = self.decay_scale * rate\n',
        )
    _text += (
        '        steps = torch.ones_like(v[..., 0])  # (B, T, H): each decays as the others\n        y, state.h = ssd(v, steps, rate.log(), k, q',
        str(((str(' * ') + str(_given['scale'])) if _given['scale'] else '')),
        ', 0 * head, state.h, cu_seqlens=state.cu_seqlens)\n',
    )
    weight = ('' if _given['weightless'] else 'self.norm_weight.type_as(y), ')
    named = ('eps=' if _given['weightless'] else '')
    if (_given['norm'] == 'full'):
        _text += (
            '        y = y.flatten(2)  # (B, T, H P)\n        y = F.rms_norm(y, y.shape[-1:], ',
            str(weight),
            str(named),
            str(_given['eps']),
            ')\n',
        )
    else:
        _text += (
            '        y = F.rms_norm(y, y.shape[-1:], ',
            str(weight),
            str(named),
            str(_given['eps']),
            ').flatten(2)\n',
        )
    _text += (
        '        y = y * ',
        str(('F.silu' if (_given['gate_activation'] == 'silu') else 'torch.sigmoid')),
        '(gate)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/retention.py.j2': 553439072,
    'operators/rotation.j2': 2432401815,
}
BLOCKS = {'doc': doc, 'forward': forward}
