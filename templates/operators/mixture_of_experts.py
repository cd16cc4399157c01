# operators/mixture_of_experts.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    special = ((_given['limit'] or _given['alpha']) or _given['up_offset'])
    unit = ('unit_e' if special else (str(_given['activation']) + str(('(gate_e) * up_e' if _given['gated'] else '(up_e)'))))
    _text += (
        'y = ',
        str(('out ' if _given['latent'] else '')),
        'sum_e p_e ',
        str(('back' if _given['latent'] else 'down')),
        '_e(',
        str(unit),
        '), e the experts of a token.\n',
    )
    if special:
        _text += (
            '\nunit is ',
            str(('gate sigmoid(alpha gate)' if _given['alpha'] else (str(_given['activation']) + str('(gate)')))),
            ' * ',
            str(('(up + up_offset)' if _given['up_offset'] else 'up')),
            '.\n',
        )
        if _given['limit']:
            _text += (
                'gate is cut at `limit`, up at both ends.\n',
            )
    return "".join(_text)


def forward(_given):
    _text = []
    _text += (
        '        router = router.to(torch.promote_types(u.dtype, torch.float32))\n',
    )
    biased = (_given['balance'] == 'bias')
    if ((not _given['near']) or (_given['balance'] == 'loss')):
        _text += (
            '        scores = router.',
            str(('softmax(-1)' if (_given['scores'] == 'softmax') else 'sigmoid()')),
            '  # (B, T, E)\n',
        )
    if _given['near']:
        _text += (
            '        left, shares, one_each = router, [], []  # without those that are chosen\n        for _ in range(self.top):\n            best, expert = left.max(-1, keepdim=True)\n            far = best - router > self.near * torch.maximum(router.abs(), best)\n            near = left.masked_fill(far, float("-inf")).softmax(-1)\n            shares.append(near.gather(-1, expert))\n            one_each.append(expert)\n            left = left.scatter(-1, expert, float("-inf"))\n        p, chosen = torch.cat(shares, -1), torch.cat(one_each, -1)  # (B, T, top)\n',
        )
    elif ((not biased) and (not _given['grouped'])):
        _text += (
            '        p, chosen = scores.topk(self.top, sorted=False)  # (B, T, top)\n',
        )
    else:
        _text += (
            '        choice = scores',
            str(((str(' + ') + str(_given['m']) + str('.balance')) if biased else '')),
            '\n',
        )
        if _given['grouped']:
            _text += (
                '        parts = choice.unflatten(-1, (self.groups, -1))\n',
            )
            if (_given['scores'] == 'softmax'):
                _text += (
                    '        best = parts.amax(-1)  # (B, T, groups)\n',
                )
            else:
                _text += (
                    '        best = parts.topk(min(2, parts.shape[-1])).values.sum(-1)  # (B, T, groups)\n',
                )
            _text += (
                '        kept = best.topk(self.keep).indices\n        out = torch.ones_like(best, dtype=torch.bool).scatter(-1, kept, False)\n        choice = parts.masked_fill(out[..., None], float("-inf")).flatten(-2)\n',
            )
        _text += (
            '        chosen = choice.topk(self.top, sorted=False).indices  # (B, T, top)\n        p = scores.gather(-1, chosen)\n',
        )
    if _given['normalised']:
        _text += (
            '        p = p / ',
            str(('p.sum(-1, keepdim=True)' if (_given['scores'] == 'softmax') else (str('(p.sum(-1, keepdim=True) + ') + str(_given['sum_eps']) + str(')')))),
            '\n',
        )
    if _given['scaled']:
        _text += (
            '        p = self.scale * p\n',
        )
    _text += (
        '        order, ends = by_expert(chosen, self.experts',
        str((' + self.zero' if _given['zero'] else '')),
        ')\n        x, rows = ',
        str(('latent' if _given['latent'] else 'u')),
        '.flatten(0, 1), order // self.top  # the tokens, expert by expert\n',
    )
    up = (str(_given['w']['up']) + str('.up_proj(x, ends, rows)'))
    gate = ((str(_given['w']['gate']) + str('.gate_proj(x, ends, rows)')) if _given['gated'] else up)
    more = (', approximate="tanh"' if (_given['activation'] == 'gelu') else '')
    function = ('gelu' if (_given['activation'] == 'gelu_erf') else ('relu' if (_given['activation'] == 'relu2') else _given['activation']))
    bounded = ('.clamp(-self.limit, self.limit)' if _given['limit'] else '')
    added = (' + self.up_offset' if _given['up_offset'] else '')
    if _given['alpha']:
        _text += (
            '        gate = ',
            str(gate),
            str(('.clamp(max=self.limit)' if _given['limit'] else '')),
            '\n        gate = gate * (self.alpha * gate).sigmoid()\n',
        )
    elif (_given['limit'] or _given['up_offset']):
        _text += (
            '        gate = F.',
            str(function),
            '(',
            str(gate),
            str(('.clamp(max=self.limit)' if _given['limit'] else '')),
            str(more),
            ')',
            str(('.square()' if (_given['activation'] == 'relu2') else '')),
            '\n',
        )
    if ((_given['alpha'] or _given['limit']) or _given['up_offset']):
        _text += (
            '        up = ',
            str(up),
            str(bounded),
            '\n        y = gate * ',
            str(((str('(up') + str(added) + str(')')) if _given['up_offset'] else 'up')),
            '\n',
        )
    else:
        _text += (
            '        y = F.',
            str(function),
            '(',
            str(gate),
            str(more),
            ')',
            str(('.square()' if (_given['activation'] == 'relu2') else '')),
            str(((str(' * ') + str(up)) if _given['gated'] else '')),
            '\n',
        )
    _text += (
        '        y = self.',
        str(('back_proj' if _given['latent'] else 'down_proj')),
        '(y, ends, order, p)  # (B, T, ',
        str(('latent' if _given['latent'] else 'D')),
        ')\n',
    )
    if _given['zero']:
        _text += (
            '        alone = p.masked_fill(chosen < self.experts, 0.0).sum(-1, keepdim=True)\n        y = y + alone.type_as(u) * u\n',
        )
    return "".join(_text)


def training(_given):
    _text = []
    if (_given['balance'] != 'loss'):
        _text += (
            '            self.load.add_(ends.diff(prepend=ends.new_zeros(1)))\n',
        )
    else:
        _text += (
            '            load = ends.diff(prepend=ends.new_zeros(1))\n            self.load.add_(load)\n            share = load / chosen.numel()\n',
        )
        if (_given['scores'] == 'softmax'):
            _text += (
                '            chance = scores.mean((0, 1))\n',
            )
        else:
            _text += (
                '            chance = (scores / scores.sum(-1, keepdim=True)).mean((0, 1))\n',
            )
        _text += (
            '            term = self.balance_weight * ',
            str(('len(load)' if _given['zero'] else 'self.experts')),
            ' * (share * chance).sum()\n            self.auxiliary = self.auxiliary + term\n',
        )
    return "".join(_text)


SOURCES = {
    'operators/mixture_of_experts.py.j2': 4252327689,
}
BLOCKS = {'doc': doc, 'forward': forward, 'training': training}
