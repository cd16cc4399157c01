# operators/long_conv.py.j2 as Python. Do not edit: `make golden` writes it.


def doc(_given):
    _text = []
    _text += (
        'A gated convolution as long as the sequence.\n\ny = c * (filter conv (b * x) + skip * b * x), causal and depthwise.\nThe filter is a small network of the position (Hyena, arXiv 2302.10866) under a\ndecay that differs from channel to channel; it never sees a token.\n',
    )
    return "".join(_text)


def weights(_given):
    _text = []
    _text += (
        '        self.context, self.frequencies = config.context, frequencies\n        self.filter_in = nn.Linear(2 * frequencies + 1, order)\n        self.filter_mid = nn.Linear(order, order)\n        self.filter_out = nn.Linear(order, ',
        str(_given['inner']),
        ', bias=False)\n        self.skip = nn.Parameter(torch.empty(',
        str(_given['inner']),
        '))\n',
    )
    return "".join(_text)


def methods(_given):
    _text = []
    _text += (
        '    def filter(self, length: int) -> Tensor:\n        """The taps (length, D) for distances 0, 1, ..., in float32 at least."""\n        weight = self.filter_in.weight\n        dtype = torch.promote_types(weight.dtype, torch.float32)\n        t = torch.arange(length, device=weight.device, dtype=dtype)[:, None]\n        t = t / self.context  # 1 at the end of the context\n        frequency = torch.arange(self.frequencies, device=weight.device, dtype=dtype)\n        angle = 2 * math.pi * frequency * t\n        position = torch.cat((t, angle.cos(), angle.sin()), dim=1).to(weight.dtype)\n        hidden = self.filter_in(position).sin()\n        hidden = self.filter_mid(hidden).sin()\n        taps = self.filter_out(hidden)\n        # 1 % is left at the end of the context in the slowest channel, at 0.3 of it in\n        # the fastest.\n        rate = torch.linspace(4.6, 4.6 / 0.3, taps.shape[1], dtype=dtype).to(t.device)\n        return taps * (-rate * t).exp()\n',
    )
    return "".join(_text)


def forward(_given):
    _text = []
    _text += (
        '        b_x = b * x\n        spans = None if state.packed is None else state.packed.spans\n        if state.u is None or state.filter is None:\n            longest = (\n                max(stop - start for start, stop, _ in spans) if spans else u.shape[1]\n            )\n            y = long_conv(b_x, ',
        str(_given['m']),
        '.filter(longest), spans=spans)\n        else:\n            # The first tokens make the taps for all; a gradient asks for its own.\n            if state.length == 0 or torch.is_grad_enabled():\n                state.filter = ',
        str(_given['m']),
        '.filter(state.filter.shape[0])\n                state.u = state.u.type_as(state.filter)\n            y, state.u, state.added = long_conv_cached(\n                b_x, state.filter, state.u, state.length, state.added, spans=spans\n            )\n        y = c * (y + ',
        str(_given['m']),
        '.skip * b_x)\n',
    )
    return "".join(_text)


SOURCES = {
    'operators/long_conv.py.j2': 3746206645,
}
BLOCKS = {'doc': doc, 'weights': weights, 'methods': methods, 'forward': forward}
