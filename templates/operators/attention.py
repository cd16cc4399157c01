# operators/attention.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    scores = ('scale q_i k_j' if _given['scale'] else 'q_i k_j / sqrt(K)')
    scores = ((str('cap(') + str(scores) + str(')')) if _given['softcap'] else scores)
    if _given['window']:
        _text += (
            'Causal softmax attention over the last `window` tokens.\n\ny_i = sum_j softmax_j(',
            str(scores),
            ') v_j, where i - window < j <= i.\n',
        )
    else:
        _text += (
            'Causal softmax attention: y_i = sum_j softmax_j(',
            str(scores),
            ') v_j.\n',
        )
    if _given['differential']:
        _text += (
            '\nThe second half of the heads is subtracted from the first, times lambda; both read\nthe same values. Then comes a norm.\n',
        )
    if ((_given['softcap'] or _given['sinks']) or _given['alibi']):
        if (not _given['window']):
            _text += (
                '\n',
            )
        if _given['alibi']:
            _text += (
                'A score is less by a slope of its head for each token between: ALiBi.\n',
            )
        if _given['softcap']:
            _text += (
                'cap(s) = softcap tanh(s / softcap).\n',
            )
        if _given['sinks']:
            _text += (
                'A sink of each head is one more score in the softmax, of a token without a value.\n',
            )
    return "".join(_text)


def forward(_given):
    _text = []
    norm = ('F.layer_norm' if (_given['qk_norm'] == 'layer') else 'F.rms_norm')
    def weight(x, more=''):
        _text = []
        _text += (
            str(_given['w'][('kv' if (_given['one_kv'] and (x == 'k')) else x)]),
            '.',
            str(x),
            '_norm',
            str(more),
            str(('[:, None]' if _given['own_weights'] else '')),
            '.type_as(',
            str(x),
            ')',
        )
        return "".join(_text)
    def normed(x):
        _text = []
        if (_given['qk_norm'] == 'l2'):
            _text += (
                'F.rms_norm(',
                str(x),
                ', ',
                str(x),
                '.shape[-1:], eps=self.eps / self.head_dim) * self.head_dim**-0.5',
            )
        elif (_given['weightless'] or _given['own_weights']):
            _text += (
                str(norm),
                '(',
                str(x),
                ', ',
                str(x),
                '.shape[-1:], eps=self.eps)',
            )
        elif _given['norm_bias']:
            _text += (
                str(norm),
                '(',
                str(x),
                ', ',
                str(x),
                '.shape[-1:], weight, bias, self.eps)',
            )
        elif (_given['qk_norm'] == 'layer'):
            _text += (
                str(norm),
                '(',
                str(x),
                ', ',
                str(x),
                '.shape[-1:], ',
                str(weight(x)),
                ', eps=self.eps)',
            )
        else:
            _text += (
                str(norm),
                '(',
                str(x),
                ', ',
                str(x),
                '.shape[-1:], ',
                str(weight(x)),
                ', self.eps)',
            )
        return "".join(_text)
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
    kv = ('kv_heads' if _given['grouped'] else 'heads')
    g = ('G' if _given['grouped'] else 'H')
    value = ('V' if _given['value_dim'] else 'K')
    made = (_given['computed'].union(['k', 'v']) if ('kv' in _given['computed']) else _given['computed'])
    split = (_given['computed'] if (_given['qk_norm'] != 'full') else made)
    if (('kv' in _given['computed']) and (_given['qk_norm'] == 'full')):
        _text += (
            '        k = v = kv\n',
        )
    for name in ['q', 'k']:
        if not ((_given['qk_norm'] == 'full') and (name in made)): continue
        _text += (
            '        ',
            str(name),
            ' = ',
            str(normed(name)),
            '\n',
        )
    for name in ['q', 'k', 'v', 'kv']:
        if not ((name in split) and (not ((name == 'kv') and (_given['qk_norm'] == 'full')))): continue
        heads, letter = (('heads', 'H',) if (name == 'q') else (kv, g,))
        _text += (
            '        ',
            str(name),
            ' = ',
            str(name),
            '.unflatten(-1, (self.',
            str(heads),
            ', -1)).transpose(1, 2)  # (B, ',
            str(letter),
            ', T, ',
            str((value if (name == 'v') else 'K')),
            ')\n',
        )
    if (((((_given['rope'] and (_given['rotate_first'] or (not _given['qk_norm']))) and (not ((_given['v_norm'] or _given['window']) or _given['differential']))) and ('k' in _given['computed'])) and ('v' in _given['computed'])) and (_given['w']['k'] == _given['w']['v'])):
        _text += (
            '        v = v.contiguous()  # as a view it would keep all of the product in training\n',
        )
    if (('kv' in _given['computed']) and (_given['qk_norm'] != 'full')):
        _text += (
            '        k = v = kv\n',
        )
    if (_given['v_norm'] and ('v' in made)):
        _text += (
            '        v = F.rms_norm(v, v.shape[-1:], eps=self.eps)\n',
        )
    if ((_given['rope'] and (not _given['plain'])) and (('q' in made) or ('k' in made))):
        _text += (
            str(frequencies('head_dim')),
        )
    for name in ['q', 'k']:
        if not (_given['rotate_first'] and (name in made)): continue
        _text += (
            '        ',
            str(name),
            ' = ',
            str(turned(name)),
            '\n',
        )
    for name in ['q', 'k']:
        if not ((_given['qk_norm'] and (_given['qk_norm'] != 'full')) and (name in made)): continue
        line = (str(name) + str(' = ') + str(normed(name)))
        if _given['norm_bias']:
            _text += (
                '        weight, bias = ',
                str(weight(name)),
                ', ',
                str(weight(name, '_bias')),
                '\n        ',
                str(line),
                str((' * weight + bias' if _given['own_weights'] else '')),
                '\n',
            )
        elif _given['own_weights']:
            _text += (
                '        ',
                str(line),
                ' * ',
                str(weight(name)),
                '\n',
            )
        else:
            _text += (
                '        ',
                str(line),
                '\n',
            )
    for name in ['q', 'k']:
        if not ((_given['rope'] and (not _given['rotate_first'])) and (name in made)): continue
        _text += (
            '        ',
            str(name),
            ' = ',
            str(turned(name)),
            '\n',
        )
    if ('kv' in _given['computed']):
        _text += (
            '        kv = torch.cat((k, v), dim=1)\n        kv, state.kv = append',
            str(('_window' if _given['window'] else '')),
            '(state.kv, kv, state)  # (B, 2 ',
            str(g),
            ', S, K)\n',
        )
    if _given['one_kv']:
        _text += (
            '        k, v = kv.chunk(2, dim=1)  # (B, ',
            str(g),
            ', S, K)\n',
        )
    for name in ['k', 'v']:
        if not (name in _given['computed']): continue
        _text += (
            '        ',
            str(name),
            ', state.',
            str(name),
            ' = append',
            str(('_window' if _given['window'] else '')),
            '(state.',
            str(name),
            ', ',
            str(name),
            ', state)  # (B, ',
            str(g),
            ', S, ',
            str((value if (name == 'v') else 'K')),
            ')\n',
        )
    if (_given['by_scores'] or _given['alibi']):
        _text += (
            '\n',
        )
        if _given['window']:
            _text += (
                '        def attention(\n            q: Tensor, k: Tensor, v: Tensor, state: State, window: int\n        ) -> Tensor:\n',
            )
        else:
            _text += (
                '        def attention(q: Tensor, k: Tensor, v: Tensor, state: State) -> Tensor:\n',
            )
        _text += (
            '            visible = ',
            str(('visible_window(q, k, state, window)' if _given['window'] else 'visible_tokens(q, k, state)')),
            '\n',
        )
        if _given['alibi']:
            _text += (
                '            bias = distances(q, k, state).float().masked_fill(~visible, float("inf"))\n            bias = -slopes(self.heads, q)[:, None, None] * bias\n',
            )
        if _given['by_scores']:
            _text += (
                '            scaled = q * ',
                str(('self.scale' if _given['scale'] else 'self.head_dim**-0.5')),
                '\n',
            )
            if _given['grouped']:
                _text += (
                    '            scores = scaled.unflatten(1, (self.kv_heads, -1)).flatten(2, 3) @ k.mT\n            scores = scores.view(*q.shape[:3], k.shape[2])  # (B, H, T, S)\n',
                )
            else:
                _text += (
                    '            scores = scaled @ k.mT  # (B, H, T, S)\n',
                )
            if _given['softcap']:
                _text += (
                    '            scores = self.softcap * torch.tanh(scores / self.softcap)\n',
                )
            if _given['alibi']:
                _text += (
                    '            scores = scores + bias.type_as(scores)\n',
                )
            else:
                _text += (
                    '            scores = scores.masked_fill(~visible, float("-inf"))\n',
                )
            if _given['sinks']:
                _text += (
                    '            sinks = ',
                    str(_given['m']),
                    '.sinks.type_as(q)[:, None, None].expand(*q.shape[:3], 1)\n            scores = torch.cat((scores, sinks), dim=-1).softmax(dim=-1)[..., :-1]\n',
                )
            else:
                _text += (
                    '            scores = scores.softmax(dim=-1)\n',
                )
            if _given['grouped']:
                _text += (
                    '            y = scores.unflatten(1, (self.kv_heads, -1)).flatten(2, 3) @ v\n            return y.view(*q.shape[:3], v.shape[3])\n',
                )
            else:
                _text += (
                    '            return scores @ v\n',
                )
        else:
            _text += (
                '            mask = bias.type_as(q).expand(*q.shape[:3], k.shape[2])  # 4 axes: fused\n',
            )
            if _given['scale']:
                _text += (
                    '            q = q * (self.scale * self.head_dim**0.5)  # attention divides by sqrt(K)\n',
                )
            _text += (
                '            return F.scaled_dot_product_attention(q, k, v, mask',
                str((', enable_gqa=True' if _given['grouped'] else '')),
                ')\n',
            )
        _text += (
            '\n        if state.packed is None:\n            y = attention(q, k, v, state',
            str((', self.window' if _given['window'] else '')),
            ')  # (B, H, T, ',
            str(value),
            ')\n        else:\n            y = packed_attention(attention, q, k, v, state.packed',
            str((', self.window' if _given['window'] else '')),
            ')\n',
        )
    else:
        if _given['scale']:
            _text += (
                '        scaled = q * (self.scale * self.head_dim**0.5)  # attention divides by sqrt(K)\n',
            )
        if _given['differential']:
            call = (str(('sliding' if _given['window'] else 'causal')) + str('_attention(') + str(('scaled' if _given['scale'] else 'q')) + str(', k, '))
            rest = (str(', state') + str((', self.window' if _given['window'] else '')) + str(')'))
            _text += (
                '        v1, v2 = (half.repeat(1, 2, 1, 1) for half in v.chunk(2, dim=1))\n        y1 = ',
                str(call),
                'v1',
                str(rest),
                '\n        y2 = ',
                str(call),
                'v2',
                str(rest),
                '\n        one, other = torch.cat((y1, y2), dim=-1).chunk(2, dim=1)  # (B, H / 2, T, 2 K)\n        plus = (',
                str(_given['m']),
                '.lambda_q1 * ',
                str(_given['m']),
                '.lambda_k1).sum().exp()\n        minus = (',
                str(_given['m']),
                '.lambda_q2 * ',
                str(_given['m']),
                '.lambda_k2).sum().exp()\n        y = one - (plus - minus + self.differential).type_as(one) * other\n        y = F.rms_norm(y, y.shape[-1:], eps=self.eps) * (1 - self.differential)\n',
            )
        else:
            _text += (
                '        y = ',
                str(('sliding' if _given['window'] else 'causal')),
                '_attention(',
                str(('scaled' if _given['scale'] else 'q')),
                ', k, v, state',
                str((', self.window' if _given['window'] else '')),
                ')  # (B, H, T, K)\n',
            )
    if (_given['gate'] == 'head'):
        _text += (
            '        y = y * ',
            str(_given['opened']),
            '.transpose(1, 2)[..., None]\n',
        )
    _text += (
        '        y = y.transpose(1, 2).flatten(2)  # (B, T, H ',
        str(value),
        ')\n',
    )
    if (_given['gate'] == 'channel'):
        _text += (
            '        y = y * ',
            str(_given['opened']),
            '\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/attention.py.j2': 2167894647,
    'operators/rotation.j2': 2432401815,
}
BLOCKS = {'doc': doc, 'forward': forward}
