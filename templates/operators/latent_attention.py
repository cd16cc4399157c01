# operators/latent_attention.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'Causal softmax attention on keys and values made of a latent (arXiv 2405.04434).\n\ny_i = sum_j softmax_j(',
        str(('scale q_i k_j' if _given['scale'] else 'q_i k_j / sqrt(K)')),
        ') v_j. kv_weight makes v_j of the\nlatent of token j, and k_j but for rope_dims channels, which are those of all heads.\n',
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
    def normed(x):
        _text = []
        _text += (
            'F.rms_norm(',
            str(x),
            ', ',
            str(x),
            '.shape[-1:], ',
            str(_given['w'][x]),
            '.',
            str(x),
            '_norm.type_as(',
            str(x),
            '), ',
            str(_given['eps']),
            ')',
        )
        return "".join(_text)
    if (_given['low_q'] and ('q' in _given['computed'])):
        _text += (
            '        q = ',
            str(normed('q')),
            '\n',
        )
    _text += (
        '        queries = ',
        str(((str('F.linear(q, ') + str(_given['m']) + str('.q_weight)')) if _given['low_q'] else 'q')),
        '.unflatten(-1, (self.heads, -1))\n        queries = queries.transpose(1, 2)  # (B, H, T, K)\n',
    )
    if _given['rope']:
        if (not _given['plain']):
            _text += (
                str(frequencies('rope_dims')),
            )
        _text += (
            '        turned = queries[..., -self.rope_dims :]\n        turned = ',
            str(turned('turned')),
            '\n        queries = torch.cat((queries[..., : -self.rope_dims], turned), dim=-1)\n',
        )
        if ('k' in _given['computed']):
            _text += (
                '        k = ',
                str(turned('k[:, None]')),
                '[:, 0]\n',
            )
    if ('k' in _given['computed']):
        _text += (
            '        k, state.k = append(state.k, k, state)  # (B, S, P)\n',
        )
    if ('v' in _given['computed']):
        _text += (
            '        v = ',
            str(normed('v')),
            '\n        v, state.v = append(state.v, v, state)  # (B, S, R)\n',
        )
    _text += (
        '        if queries.shape[2] == 1 and state.packed is None:\n            # No key and no value of the past is made.\n            weight = ',
        str(_given['m']),
        '.kv_weight.unflatten(0, (self.heads, -1))  # (H, N + V, R)\n            y = absorbed_attention(queries, k, v, weight, state, ',
        str(('self.scale' if _given['scale'] else 'self.head_dim**-0.5')),
        ')\n        else:\n            made = F.linear(v, ',
        str(_given['m']),
        '.kv_weight).unflatten(-1, (self.heads, -1))\n            sizes = self.head_dim - self.rope_dims, self.value_dim\n            keys, values = made.transpose(1, 2).split(sizes, dim=-1)  # (B, H, S, N or V)\n            alike = k[:, None].expand(-1, self.heads, -1, -1)\n            keys = torch.cat((keys, alike), dim=-1)  # (B, H, S, K)\n',
    )
    if _given['scale']:
        _text += (
            '            queries = queries * (self.scale * self.head_dim**0.5)  # of 1 / sqrt(K)\n',
        )
    _text += (
        '            y = causal_attention(queries, keys, values, state)\n        y = y.transpose(1, 2).flatten(2)  # (B, T, H V)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/latent_attention.py.j2': 4139669124,
    'operators/rotation.j2': 2432401815,
}
BLOCKS = {'doc': doc, 'forward': forward}
