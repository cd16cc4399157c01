# model.py.j2 as Python. Do not edit: `make golden` writes it.


def whole(_given):
    _text = []
    _text += (
        str(_given['plan'].header),
        '\n"""',
        str('\n'.join(_given['plan'].docstring)),
        '\n"""\n\nfrom __future__ import annotations\n\n',
        str('\n'.join(_given['plan'].imports)),
        '\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n',
    )
    _text += (
        '\n\n@dataclass(frozen=True)\nclass Config:  # what may vary without another file\n',
    )
    for line in _given['plan'].config:
        _text += (
            '    ',
            str(line),
            '\n',
        )
    _text += (
        '\n\nclass ',
        str(_given['plan'].model),
        '(nn.Module):\n    def __init__(self, config: Config = Config()) -> None:\n        super().__init__()\n        random = torch.get_rng_state()\n        self.config = config\n',
    )
    for line in _given['plan'].construct:
        _text += (
            str(line),
            '\n',
        )
    _text += (
        '        self.norm = ',
        str(_given['plan'].norm),
        '\n',
    )
    if (not _given['plan'].tied):
        _text += (
            '        self.head = nn.Linear(config.width, config.vocab',
            str(('' if _given['plan'].head_bias else ', bias=False')),
            ')\n',
        )
    elif _given['plan'].head_bias:
        _text += (
            '        self.head_bias = HeadBias(config)\n',
        )
    _text += (
        '        torch.set_rng_state(random)  # as if nothing had been drawn so far\n        self.reset_parameters()\n\n    def reset_parameters(self) -> None:\n        draw_all(self)\n\n    def forward(\n        self,\n        tokens: Tensor,\n        cache: Cache | None = None,\n        cu_seqlens: Tensor | None = None,  # (S + 1): borders of packed sequences\n        pads: Tensor | None = None,  # (B): tokens on the left that are none\n        last_only: bool = False,  # logits of the last token alone, (B, 1, vocab)\n    ) -> Tensor:\n        """Logits (B, T, vocab) for tokens (B, T), which follow those in the cache."""\n        tokens, ',
        str(('states, ' if _given['plan'].stateful else '')),
        'real = start(self, tokens, cache, cu_seqlens, pads)\n        x = padded(self.hidden(tokens',
        str((', states' if _given['plan'].stateful else '')),
        '), real)\n        x = last_token(x) if last_only else x\n',
    )
    tied = ('self.head_bias(F.linear(x, self.embedding.weight))' if _given['plan'].head_bias else 'F.linear(x, self.embedding.weight)')
    head = (str(_given['plan'].logit_scale) + str((tied if _given['plan'].tied else 'self.head(x)')))
    if _given['plan'].softcap:
        _text += (
            '        return ',
            str(_given['plan'].softcap),
            ' * torch.tanh(',
            str(head),
            ' / ',
            str(_given['plan'].softcap),
            ')\n',
        )
    else:
        _text += (
            '        return ',
            str(head),
            str(('  # tied' if _given['plan'].tied else '')),
            '\n',
        )
    _text += (
        '\n    def hidden(self, tokens: Tensor',
        str((', states: States | None = None' if _given['plan'].stateful else '')),
        ') -> Tensor:\n',
    )
    if _given['plan'].auxiliary:
        _text += (
            '        if self.training:\n            self.auxiliary_loss()  # of an earlier pass, if nobody has taken it\n',
        )
    for line in _given['plan'].forward:
        _text += (
            str(line),
            '\n',
        )
    _text += (
        '        return self.norm(x)  # what the head reads\n\n',
    )
    if _given['plan'].auxiliary:
        _text += (
            '    def auxiliary_loss(self) -> Tensor:\n        """Takes what the last forward pass adds to the loss of training: a number."""\n        total = self.embedding.weight.new_zeros(())\n        layers: list[Any] = [m for m in self.modules() if hasattr(m, "auxiliary")]\n        for module in layers:\n            total, module.auxiliary = total + module.auxiliary, 0.0\n        return total\n\n',
        )
    if _given['plan'].balanced:
        _text += (
            '    def balance_experts(self, rate: float = 1e-3) -> None:\n        """Belongs behind each step of the optimizer: see the function."""\n        balance_experts(self, rate)\n\n',
        )
    _text += (
        '    def new_cache(self, batch: int, max_length: int, **like: Any) -> Cache:\n        return Cache(self, batch, max_length, **like)\n\n    def generate(self, tokens: Tensor, max_new_tokens: int, **how: Any) -> Generated:\n        return generate(self, tokens, max_new_tokens, **how)\n',
    )
    for lines in _given['plan'].blocks:
        _text += (
            '\n\n',
            str('\n'.join(lines)),
            '\n',
        )
    for made in _given['plan'].classes:
        _text += (
            '\n\n',
            str('\n'.join(made.lines)),
            '\n',
        )
    for text in _given['plan'].functions.values():
        _text += (
            '\n\n',
            str(text),
            '\n',
        )
    _text += (
        '\n\ndef layers(model: ',
        str(_given['plan'].model),
        ') -> list[nn.Module]:\n    """Blocks, and operators outside of blocks, in order of depth.\n\n    What FSDP wraps, a pipeline cuts between, activation checkpointing runs again. One\n    whose weights another layer uses is not among them: it is never needed alone.\n    """\n',
    )
    for line in _given['plan'].layers:
        _text += (
            str(line),
            '\n',
        )
    _text += (
        '\n\n',
    )
    if _given['plan'].balanced:
        _text += (
            '@torch.no_grad()\ndef balance_experts(model: nn.Module, rate: float) -> None:\n    """Experts that fewer tokens took than an equal share, since the last time, are\n    chosen more easily from now on (arXiv 2408.15664)."""\n    mixtures: list[Any] = [m for m in model.modules() if hasattr(m, "balance")]\n    for mixture in mixtures:\n        load = mixture.load.float()\n        if torch.distributed.is_initialized():\n            torch.distributed.all_reduce(load)\n        mixture.balance += rate * (load.mean() - load).sign()\n        mixture.load.zero_()\n\n\n',
        )
    _text += (
        'def draw_all(model: nn.Module) -> None:\n    """Draws every parameter; each module that has some draws its own from now on.\n\n    Linear weights are normal by fan-in, those that write to the stream less by depth.\n    """\n    for name, module in model.named_modules():\n        if isinstance(module, nn.Embedding):\n            std = 0.02  # as in GPT-2\n        elif isinstance(module, ',
        str(('(nn.Linear, ExpertWeights)' if _given['plan'].experts else 'nn.Linear')),
        '):\n            last = name.endswith(',
        str(_given['plan'].output_names),
        ')\n            # 0.4: of inputs normed to 1, std 0.02 at 1,000 channels\n            variance = ',
        str(_given['plan'].variance),
        ' if last else 0.4\n            std = (variance / module.in_features) ** 0.5\n        else:\n            continue\n        setattr(module, "reset_parameters", partial(draw, module, std))\n    for module in model.modules():\n        reset = getattr(module, "reset_parameters", None)\n        if module is not model and reset is not None:\n            reset()\n\n\ndef draw(module: nn.Linear | nn.Embedding',
        str((' | ExpertWeights' if _given['plan'].experts else '')),
        ', std: float) -> None:\n    """Normal weights; biases 0."""\n    nn.init.normal_(module.weight, std=std)\n',
    )
    if _given['plan'].biased_experts:
        _text += (
            '    bias = getattr(module, "bias", None)\n    if bias is not None:\n        nn.init.zeros_(bias)\n',
        )
    else:
        _text += (
            '    if isinstance(module, nn.Linear) and module.bias is not None:\n        nn.init.zeros_(module.bias)\n',
        )
    if (_given['plan'].model != 'Model'):
        _text += (
            '\n\nModel = ',
            str(_given['plan'].model),
            '\n',
        )
    tensors = (('cu_seqlens' in _given['plan'].packed) or ('position' in _given['plan'].packed))
    if _given['plan'].stateful:
        _text += (
            '\n\n@dataclass\nclass State:\n    """What a layer keeps of the tokens before; in training nothing is kept."""\n\n',
        )
        if _given['plan'].places:
            _text += (
                '    length: int',
                str((' | Tensor' if _given['plan'].graphs else '')),
                ' = 0  # tokens seen',
                str((', in all rows or in each (B)' if _given['plan'].graphs else '')),
                '\n',
            )
        _text += (
            '    packed: Packed | None = None  # the sequences in the row, where it holds several\n',
        )
        for line in _given['plan'].state_fields:
            _text += (
                '    ',
                str(line),
                '\n',
            )
        if ('cu_seqlens' in _given['plan'].packed):
            _text += (
                '\n    @property\n    def cu_seqlens(self) -> Tensor | None:\n        return None if self.packed is None else self.packed.cu_seqlens\n',
            )
        if ('position' in _given['plan'].packed):
            _text += (
                '\n    @property\n    def position(self) -> int | Tensor:\n        """Of the first token, or of each, (B or 1, T)."""\n',
            )
            if _given['plan'].graphs:
                _text += (
                    '        if self.packed is not None:\n            return self.packed.position\n        return self.length[:, None] if isinstance(self.length, Tensor) else self.length\n',
                )
            else:
                _text += (
                    '        return self.length if self.packed is None else self.packed.position\n',
                )
        _text += (
            '\n\nclass Packed(NamedTuple):\n    """Sequences one after the other in a row of T tokens."""\n\n',
        )
        if ('cu_seqlens' in _given['plan'].packed):
            _text += (
                '    cu_seqlens: Tensor  # (S + 1): where each begins, and the last ends\n',
            )
        if ('position' in _given['plan'].packed):
            _text += (
                '    position: Tensor  # (1, T): of each token in its sequence\n',
            )
        if ('spans' in _given['plan'].packed):
            _text += (
                '    spans: list[tuple[int, int, int]]  # of each: first token, end, tokens before these\n',
            )
        for lines in _given['plan'].states:
            _text += (
                '\n\n',
                str('\n'.join(lines)),
                '\n',
            )
    if ('hf' in _given):
        if _given['plan'].stateful:
            _text += (
                '\n\nclass Kept:\n    """The states of all layers, for a batch of sequences that grow together."""\n\n    def __init__(self, model: ',
                str(_given['plan'].model),
                'Model, x: Tensor) -> None:\n        self.batch',
                str((', self.device = x.shape[0], x.device' if _given['plan'].places else ' = x.shape[0]')),
                '\n        self.seen = 0  # tokens of a row, padding among them\n        self.length = 0  # tokens of the longest row, without it\n        self.room = 0  # for how many there is\n        self.states = self.new(model, x)\n',
            )
            if _given['plan'].places:
                _text += (
                    '        self.behind: Tensor | None = None  # (B): tokens that the longest row has more\n',
                )
            _text += (
                '\n    def new(self, model: ',
                str(_given['plan'].model),
                'Model, x: Tensor) -> States:\n        like = x.new_empty(0)\n        room = (self.batch, self.room, like)\n        return States.new(model, lambda layer: layer.new_state(*room))\n\n    def reserve(self, model: ',
                str(_given['plan'].model),
                'Model, x: Tensor, tokens: int) -> None:\n        """Makes room for so many more tokens."""\n        if self.length + tokens <= self.room:\n            return\n',
            )
            if _given['hf'].shared:
                _text += (
                    '        if self.room:\n            raise ValueError(f"cache: holds {self.room} tokens, the model\'s context")\n        self.room = max(model.config.context, tokens)\n',
                )
            else:
                _text += (
                    '        self.room = max(2 * self.room, self.length + tokens)\n',
                )
            _text += (
                '        for state, larger in zip(\n            leaves(self.states), leaves(self.new(model, x)), strict=True\n        ):\n            for name, new in vars(larger).items():\n                old = getattr(state, name)\n                if isinstance(new, Tensor) and new.shape != old.shape:\n                    new = new.to(old.dtype)\n                    new[tuple(map(slice, old.shape))] = old\n                    setattr(state, name, new)\n\n    def advance(self, tokens: int, packed: Packed | None = None) -> None:\n        """Counts tokens that the layers are about to see, in every row or as packed."""\n',
            )
            if _given['plan'].places:
                if _given['plan'].graphs:
                    _text += (
                        '        length: int | Tensor = self.length\n        if self.behind is not None:\n            length = length - self.behind\n',
                    )
                _text += (
                    '        for state in leaves(self.states):\n            state.length, state.packed = ',
                    str(('length' if _given['plan'].graphs else 'self.length')),
                    ', packed\n',
                )
            else:
                _text += (
                    '        for state in leaves(self.states):\n            state.packed = packed\n',
                )
            _text += (
                '        self.length += tokens\n',
            )
            if _given['plan'].places:
                _text += (
                    '        if packed is not None:\n            ends = [past + stop - start for start, stop, past in packed.spans]\n            self.behind = self.length - torch.tensor(ends, device=self.device)\n\n    def rows(self) -> list[int]:\n        """How many tokens each row has seen."""\n        if self.behind is None:\n            return [self.length] * self.batch\n        return [self.length - behind for behind in self.behind.tolist()]\n',
                )
            _text += (
                '\n\nclass StateLayer(CacheLayerMixin):\n    """What one layer keeps, as transformers\' caches hold it."""\n\n    supports_early_init = False\n\n    def __init__(self, kept: Kept, state: State, first: bool) -> None:\n        super().__init__()\n        self.kept, self.state, self.first = kept, state, first\n        self.is_initialized = True\n\n    def get_seq_length(self) -> int:\n        return self.kept.seen\n\n    def get_max_length(self) -> int:\n        return -1\n\n    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:\n        return self.kept.seen + query_length, 0\n\n    def take(self, rows: Tensor) -> None:\n        """From now on these rows of the batch, in this order."""\n        for name, value in vars(self.state).items():\n            if isinstance(value, Tensor)',
                str(((str(' and name not in ') + str(_given['hf'].shared)) if _given['hf'].shared else '')),
                ':\n                setattr(self.state, name, value[rows.to(value.device)])\n        if self.first:\n            self.kept.batch = len(rows)\n',
            )
            if _given['plan'].places:
                _text += (
                    '            if self.kept.behind is not None:\n                self.kept.behind = self.kept.behind[rows.to(self.kept.behind.device)]\n',
                )
            _text += (
                '\n    def reorder_cache(self, beam_idx: Tensor) -> None:\n        self.take(beam_idx)\n\n    def batch_select_indices(self, indices: Tensor) -> None:\n        self.take(indices)\n\n    def batch_repeat_interleave(self, repeats: int) -> None:\n        batch = self.kept.batch // (1 if self.first else repeats)\n        self.take(torch.arange(batch).repeat_interleave(repeats))\n\n    def reset(self) -> None:\n        for value in vars(self.state).values():\n            if isinstance(value, Tensor):\n                value.zero_()\n        self.kept.seen = self.kept.length = 0\n',
            )
            if _given['plan'].places:
                _text += (
                    '        self.kept.behind = None\n',
                )
            _text += (
                '\n    def crop(self, tokens_to_remove: int) -> None:\n        raise ValueError("cache: its states cannot go back by some tokens")\n\n    def update(self, *args: Any, **kwargs: Any) -> Any:\n        raise ValueError("cache: the layers of this model write to it themselves")\n\n    def lazy_initialization(self, *args: Any, **kwargs: Any) -> None:\n        raise ValueError("cache: the layers of this model write to it themselves")\n\n\ndef kept_in(cache: DynamicCache, model: ',
                str(_given['plan'].model),
                'Model, x: Tensor) -> Kept:\n    """What a cache holds; an empty one gets the layers of this model. ValueError."""\n    layers = [layer for layer in cache.layers if isinstance(layer, StateLayer)]\n    if not layers:\n        filled = any(getattr(layer, "keys", None) is not None for layer in cache.layers)\n        if filled or not isinstance(cache, DynamicCache):\n            raise ValueError("cache: an empty DynamicCache, or one of this model")\n        kept = Kept(model, x)\n        states = leaves(kept.states)',
                str(('[1:]  # that of the positions keeps nothing' if ('LearnedPositions' in _given['plan'].functions) else '')),
                '\n        layers = [StateLayer(kept, state, state is states[0]) for state in states]\n        cache.layers = layers\n    kept = layers[0].kept\n    if kept.batch != x.shape[0]:\n        raise ValueError(f"cache: of {kept.batch} rows, and {x.shape[0]} came")\n    return kept\n',
            )
    else:
        _text += (
            '\n\nclass Cache:\n    """The states of all layers, for a batch of sequences that grow together."""\n\n    def __init__(\n        self,\n        model: ',
            str(_given['plan'].model),
            ',\n        batch: int,\n        max_length: int,\n        device: torch.device | str | None = None,\n        dtype: torch.dtype | None = None,\n    ) -> None:\n        """Room for `batch` sequences of at most `max_length` tokens; device and dtype\n        are the model\'s where none is given."""\n        between(0, float("inf"), batch=batch, max_length=max_length)\n        weight = model.embedding.weight\n        like = torch.empty(\n            0, device=device or weight.device, dtype=dtype or weight.dtype\n        )\n        if not like.is_floating_point():\n            raise ValueError(f"dtype: of floating point, not {dtype}")\n        self.batch, self.max_length, self.device = batch, max_length, like.device\n        self.length = 0  # tokens seen\n',
        )
        if _given['plan'].stateful:
            _text += (
                '        self.states = States.new(\n            model, lambda layer: layer.new_state(batch, max_length, like)\n        )\n',
            )
            if _given['plan'].places:
                _text += (
                    '        self.behind: Tensor | None = None  # (B): tokens that the longest row has more\n',
                )
            if (_given['plan'].graphs and _given['plan'].places):
                _text += (
                    '        self.position: Tensor | None = None  # the length on a GPU, in a CUDA graph\n',
                )
        _text += (
            '\n    @property\n    def nbytes(self) -> int:\n        """Bytes of all tensors kept."""\n',
        )
        if _given['plan'].stateful:
            _text += (
                '        kept = [vars(state).values() for state in leaves(self.states)]\n        return sum(t.nbytes for values in kept for t in values if isinstance(t, Tensor))\n',
            )
        else:
            _text += (
                '        return 0\n',
            )
        _text += (
            '\n    def advance(self, tokens: int',
            str((', packed: Packed | None = None' if _given['plan'].stateful else '')),
            ') -> None:\n        """Counts tokens that the layers are about to see',
            str((', in every row or as packed' if _given['plan'].stateful else '')),
            '.\n        ValueError where they do not fit."""\n        if self.length + tokens > self.max_length:\n            raise ValueError(\n                f"{self.length} + {tokens} tokens do not fit a cache of "\n                f"{self.max_length}: give new_cache a larger max_length"\n            )\n',
        )
        if _given['plan'].places:
            if _given['plan'].graphs:
                _text += (
                    '        length = self.length if self.position is None else self.position\n        if self.behind is not None:\n            length = length - self.behind\n',
                )
            _text += (
                '        for state in leaves(self.states):\n            state.length, state.packed = ',
                str(('length' if _given['plan'].graphs else 'self.length')),
                ', packed\n',
            )
        elif _given['plan'].stateful:
            _text += (
                '        for state in leaves(self.states):\n            state.packed = packed\n',
            )
        _text += (
            '        self.length += tokens\n',
        )
        if _given['plan'].places:
            _text += (
                '        if packed is not None:\n            ends = [past + stop - start for start, stop, past in packed.spans]\n            self.behind = self.length - torch.tensor(ends, device=self.device)\n\n    def rows(self) -> list[int]:\n        """How many tokens each row has seen."""\n        if self.behind is None:\n            return [self.length] * self.batch\n        return [self.length - behind for behind in self.behind.tolist()]\n',
            )
        _text += (
            '\n    def detach(self) -> None:\n        """Gradients end here: what follows does not reach the tokens so far."""\n',
        )
        if _given['plan'].stateful:
            _text += (
                '        for state in leaves(self.states):\n            for name, value in vars(state).items():\n                if isinstance(value, Tensor):\n                    setattr(state, name, value.detach())\n',
            )
    if _given['plan'].stateful:
        _text += (
            '\n\ndef leaves(kept: Any) -> list[State]:\n    """The states in tuples and lists of them, in order of depth."""\n    if isinstance(kept, State):\n        return [kept]\n    return [state for part in kept or () for state in leaves(part)]\n',
        )
    _text += (
        '\n',
    )
    if _given['plan'].stateful:
        _text += (
            '\ndef begin(state: State | Packed | None) -> State:\n    """What a layer reads and writes: its state in a cache, or one for this pass."""\n    return state if isinstance(state, State) else State(packed=state)\n\n',
        )
    if ('hf' in _given):
        if _given['plan'].stateful:
            _text += (
                '\ndef arrange(\n    model: ',
                str(_given['plan'].model),
                'Model,\n    x: Tensor,\n    kept: Kept | None,\n    attention_mask: Tensor | None,\n    borders: list[int],\n) -> tuple[Tensor, States | None, Tensor | None]:\n    """The tokens to compute, the states that the layers read and write for them, and\n    which of the rows (B, T) they are: None where it is all of them. borders: of packed\n    sequences."""\n    rows, length = x.shape[:2]\n    real = None\n    if borders:\n        if kept is not None:\n            raise ValueError("cu_seq_lens_q, position_ids: not with a cache")\n',
            )
            if _given['plan'].places:
                _text += (
                    '        packed = pack(borders, [0] * (len(borders) - 1)',
                    str((', x.device' if tensors else '')),
                    ')\n',
                )
            else:
                _text += (
                    '        packed = Packed(torch.tensor(borders, device=x.device))\n',
                )
            _text += (
                '        states = States.new(model, lambda layer: packed)\n        real = x.new_ones(rows, length, dtype=torch.bool)\n        return x.reshape(1, rows * length, -1), states, real\n    if kept is not None:\n        kept.seen += length\n    if attention_mask is not None and (kept is None or length > 1):\n        if attention_mask.dim() != 2 or attention_mask.shape[1] < length:\n            found = tuple(attention_mask.shape)\n            raise ValueError(f"attention_mask: (B, {length} or more), not {found}")\n        real = attention_mask[:, -length:].bool()\n        real = None if real.all() else real\n',
            )
            if (_given['plan'].places and _given['plan'].graphs):
                _text += (
                    '    uneven = kept is not None and kept.behind is not None and length > 1\n',
                )
            elif _given['plan'].places:
                _text += (
                    '    uneven = kept is not None and kept.behind is not None\n',
                )
            _text += (
                '    if real is None',
                str((' and not uneven' if _given['plan'].places else '')),
                ':\n        if kept is None:\n            return x, None, None\n        kept.reserve(model, x, length)\n        kept.advance(length)\n        return x, kept.states, None\n',
            )
            if _given['plan'].places:
                _text += (
                    '    real = x.new_ones(rows, length, dtype=torch.bool) if real is None else real\n',
                )
            _text += (
                '    lengths = real.sum(1).tolist()\n    borders = [sum(lengths[:row]) for row in range(rows + 1)]\n',
            )
            if _given['plan'].places:
                _text += (
                    '    past = [0] * rows if kept is None else kept.rows()\n    packed = pack(borders, past',
                    str((', x.device' if tensors else '')),
                    ')\n',
                )
            else:
                _text += (
                    '    packed = Packed(torch.tensor(borders, device=x.device))\n',
                )
            _text += (
                '    if kept is None:\n        return x[real][None], States.new(model, lambda layer: packed), real\n    kept.reserve(model, x, max(lengths))\n    kept.advance(max(lengths), packed)\n    return x[real][None], kept.states, real\n\n\ndef packed_borders(\n    x: Tensor,\n    attention_mask: Tensor | None,\n    position_ids: Tensor | None,\n    cu_seq_lens_q: Tensor | None,\n) -> list[int]:\n    """Where packed sequences begin, and the last ends, counted through all rows; none\n    where each row is one sequence."""\n    rows, length = x.shape[:2]\n    if cu_seq_lens_q is not None:\n        borders: list[int] = cu_seq_lens_q.tolist()\n        ends = borders[:1] == [0] and borders[-1] == rows * length\n        if not ends or borders != sorted(borders):\n            raise ValueError(f"cu_seq_lens_q: from 0 up to {rows * length} tokens")\n        return borders\n    if position_ids is None or attention_mask is not None:\n        return []\n    begins = (position_ids == 0).expand(rows, length)\n    if not begins[:, 1:].any():\n        return []\n    firsts = begins.nonzero()\n    inner = [row * length + place for row, place in firsts.tolist() if place]\n    return sorted({*inner, *range(0, rows * length + 1, length)})\n',
            )
    else:
        _text += (
            '\ndef start(\n    model: ',
            str(_given['plan'].model),
            ',\n    tokens: Tensor,\n    cache: Cache | None = None,\n    cu_seqlens: Tensor | None = None,\n    pads: Tensor | None = None,\n) -> tuple[Tensor, ',
            str(('States | None, ' if _given['plan'].stateful else '')),
            'Tensor | None]:\n',
        )
        if _given['plan'].stateful:
            _text += (
                '    """The tokens to compute, the states that the layers read and write for them, and\n    which of padded rows (B, T) they are. ValueError for what does not fit together.\n',
            )
        else:
            _text += (
                '    """The tokens to compute, and which of padded rows (B, T) they are. ValueError for\n    what does not fit together.\n',
            )
        _text += (
            '\n    cu_seqlens (S + 1): borders of sequences that stand one after the other in tokens\n    (1, T); each is computed as if it were alone. pads (B): how many tokens on the left\n    of each row are none; they are left out, and what is computed there is zero.\n    """\n    ',
            str(('borders' if _given['plan'].stateful else '_')),
            ', skipped = check(tokens, cache, cu_seqlens, pads)\n',
        )
        if _given['plan'].stateful:
            _text += (
                '    rows, length = tokens.shape\n',
            )
            if _given['plan'].places:
                _text += (
                    '    unequal = cache is not None and cache.behind is not None',
                    str((' and length > 1' if _given['plan'].graphs else '')),
                    '\n',
                )
            _text += (
                '    if not borders and not ',
                str(('(unequal or any(skipped))' if _given['plan'].places else 'any(skipped)')),
                ':\n        if cache is not None:\n            cache.advance(length)\n        return tokens, None if cache is None else cache.states, None\n    real = None\n    if not borders:  # what is real of the rows stands one after the other\n        skipped = skipped or [0] * rows\n        real = torch.arange(length) >= torch.tensor(skipped)[:, None]  # (B, T)\n        real = real.to(tokens.device)\n        borders = [row * length - sum(skipped[:row]) for row in range(rows + 1)]\n        tokens = tokens[real][None]\n',
            )
            if _given['plan'].places:
                _text += (
                    '    past = cache.rows() if cache is not None else [0] * (len(borders) - 1)\n    packed = pack(borders, past',
                    str((', tokens.device' if tensors else '')),
                    ')\n',
                )
            else:
                _text += (
                    '    packed = Packed(torch.tensor(borders, device=tokens.device))\n',
                )
            _text += (
                '    if cache is None:\n        return tokens, States.new(model, lambda layer: packed), real\n    cache.advance(length - min(skipped), packed)\n    return tokens, cache.states, real\n',
            )
        else:
            _text += (
                '    length = tokens.shape[1]\n    if cache is not None:\n        cache.advance(length - min(skipped, default=0))\n    if not any(skipped):\n        return tokens, None\n    real = torch.arange(length) >= torch.tensor(skipped)[:, None]  # (B, T)\n    real = real.to(tokens.device)\n    return tokens[real][None], real\n',
            )
        _text += (
            '\n\ndef check(\n    tokens: Tensor, cache: Cache | None, cu_seqlens: Tensor | None, pads: Tensor | None\n) -> tuple[list[int], list[int]]:\n    """Borders and pads as numbers; ValueError with the name of what does not fit."""\n    check_integers("tokens", "(B, T)", tokens, tokens)\n    rows, length = tokens.shape\n    if cache is not None and (rows, tokens.device) != (cache.batch, cache.device):\n        raise ValueError(\n            f"tokens: {rows} rows on {tokens.device}, for a cache of {cache.batch} on "\n            f"{cache.device}: give new_cache that batch and device"\n        )\n    borders: list[int] = []\n    if cu_seqlens is not None:\n        check_integers("cu_seqlens", "(S + 1)", cu_seqlens, tokens)\n        if rows != 1 or cache is not None or pads is not None:\n            raise ValueError("cu_seqlens: of one row, without a cache and without pads")\n        borders = cu_seqlens.tolist()\n        ends = len(borders) > 1 and (borders[0], borders[-1]) == (0, length)\n        if not ends or borders != sorted(borders):\n            raise ValueError(f"cu_seqlens: from 0 up to the number of tokens, {length}")\n    skipped: list[int] = []\n    if pads is not None:\n        check_integers("pads", "(B)", pads, tokens)\n        skipped = pads.tolist()\n        if len(skipped) != rows or any(not 0 <= n <= length for n in skipped):\n            raise ValueError(f"pads: for each of {rows} rows, from 0 to its {length}")\n    return borders, skipped\n\n\ndef check_integers(name: str, shape: str, given: Tensor, tokens: Tensor) -> None:\n    """Raises ValueError unless these are integers of that shape, beside the tokens."""\n    if not isinstance(given, Tensor):\n        raise ValueError(f"{name}: a tensor of integers {shape}, not {given!r}")\n    whole = given.dtype in (torch.int64, torch.int32)\n    if not whole or given.dim() != shape.count(",") + 1:\n        found = f"{given.dtype} {tuple(given.shape)}"\n        raise ValueError(f"{name}: integers {shape}, not {found}")\n    if given.device != tokens.device:\n        raise ValueError(f"{name}: on {given.device}, the tokens on {tokens.device}")\n',
        )
    if _given['plan'].places:
        _text += (
            '\n\ndef pack(borders: list[int], past: list[int]',
            str((', device: torch.device' if tensors else '')),
            ') -> Packed:\n    """What layers read of sequences with these borders; `past`: of each, in a cache."""\n    spans = list(zip(borders[:-1], borders[1:], past, strict=True))\n',
        )
        if ('position' in _given['plan'].packed):
            _text += (
                '    places = [torch.arange(seen, seen + stop - start) for start, stop, seen in spans]\n',
            )
        _text += (
            '    return Packed(\n',
        )
        if ('cu_seqlens' in _given['plan'].packed):
            _text += (
                '        torch.tensor(borders, device=device),\n',
            )
        if ('position' in _given['plan'].packed):
            _text += (
                '        torch.cat(places)[None].to(device),\n',
            )
        if ('spans' in _given['plan'].packed):
            _text += (
                '        spans,\n',
            )
        _text += (
            '    )\n',
        )
    _text += (
        '\n\ndef padded(x: Tensor, real: Tensor | None) -> Tensor:\n    """x (1, N, D) where rows (B, T) are real, and zeros elsewhere; None: x itself."""\n    if real is None:\n        return x\n    rows = x.new_zeros(*real.shape, x.shape[-1])\n    rows[real] = x[0]\n    return rows\n\n\ndef last_token(x: Tensor) -> Tensor:\n    """x (B, 1, D) of the last token, in memory of its own: for a view of it a CPU\n    copies a frozen head in bfloat16."""\n    return x[:, -1:].clone(memory_format=torch.contiguous_format)\n',
    )
    if _given['plan'].graphs:
        _text += (
            '\n\nclass DecodeGraph:\n    """A token at a time, on a GPU as replays of one CUDA graph: one launch for all.\n\n    A graph works on the same memory again, so the token, its position and the states\n    stay where they are. The first token is computed without one, the second captured.\n    """\n\n    def __init__(self, model: ',
            str(_given['plan'].model),
            ', cache: Cache) -> None:\n        self.model, self.cache = model, cache\n        self.graph: torch.cuda.CUDAGraph | None = None\n        self.warm = False\n\n    @torch.no_grad()\n    def __call__(self, tokens: Tensor) -> Tensor:\n        """Logits (B, 1, vocab) after tokens (B, 1); the next call overwrites them."""\n        if not tokens.is_cuda:\n            return self.model(tokens, self.cache)\n        if not self.warm:\n            self.warm = True\n            self.tokens = tokens.clone()\n',
        )
        if _given['plan'].places:
            _text += (
                '            self.position = torch.full((1,), self.cache.length, device=tokens.device)\n',
            )
        _text += (
            '            self.side = torch.cuda.Stream(tokens.device)\n            self.side.wait_stream(torch.cuda.current_stream(tokens.device))\n            with torch.cuda.stream(self.side):\n                self.logits = self._step()\n            torch.cuda.current_stream(tokens.device).wait_stream(self.side)\n            return self.logits\n        self.tokens.copy_(tokens)\n        if self.graph is None:\n            self.graph = torch.cuda.CUDAGraph()\n            # torch\'s own stream would be of the device that captured first\n            with torch.cuda.graph(self.graph, stream=self.side):\n                self.logits = self._step()\n        else:\n            self.cache.advance(1)\n        self.graph.replay()\n        return self.logits\n\n    def _step(self) -> Tensor:\n        """What is captured."""\n        states = leaves(self.cache.states)\n',
        )
        if _given['plan'].places:
            _text += (
                '        self.cache.position = self.position\n',
            )
        _text += (
            '        before = [dict(vars(state)) for state in states]\n        logits: Tensor = self.model(self.tokens, self.cache)\n',
        )
        if _given['plan'].places:
            _text += (
                '        self.cache.position = None\n',
            )
        _text += (
            '        for state, kept in zip(states, before, strict=True):\n',
        )
        if _given['plan'].places:
            _text += (
                '            del kept["length"]  # made of the position anew\n',
            )
        _text += (
            '            for name, old in kept.items():\n                new = getattr(state, name)\n                if isinstance(new, Tensor) and new is not old:\n                    setattr(state, name, old.copy_(new))\n',
        )
        if _given['plan'].places:
            _text += (
                '        self.position += 1\n',
            )
        _text += (
            '        return logits\n',
        )
    _text += (
        '\n\nclass Generated(NamedTuple):\n    """Rows of tokens: those given, and those sampled behind them."""\n\n    tokens: Tensor  # (B, S)\n    lengths: Tensor  # (B): where each row ends; behind it stand copies of its last\n\n\n@dataclass(frozen=True)\nclass Sampling:\n    """How a token is drawn; by default from all, each with its probability."""\n\n    temperature: float = 1.0  # 0: the likeliest\n    top_k: int | None = None  # of so many of the likeliest\n    top_p: float = 1.0  # of the likeliest that make up so much of the probability\n    min_p: float = 0.0  # of those with so much of the probability of the likeliest\n    repetition_penalty: float = 1.0  # above 1: what the row has already is less likely\n    generator: torch.Generator | None = None\n\n    def __post_init__(self) -> None:\n        """Raises ValueError with the name of a number that is out of range."""\n        between(1, float("inf"), top_k=1 if self.top_k is None else self.top_k)\n        between(0.0, float("inf"), temperature=self.temperature)\n        between(0.0, 1, top_p=self.top_p, min_p=self.min_p)\n        between(0.01, 100, repetition_penalty=self.repetition_penalty)\n\n\n@torch.no_grad()\ndef generate(\n    model: ',
        str(_given['plan'].model),
        ',\n    tokens: Tensor,\n    max_new_tokens: int,\n    *,\n    stop: int | Sequence[int] | None = None,\n    stream: Callable[[Tensor], object] | None = None,\n    **how: Any,\n) -> Generated:\n    """The tokens (B, T) and those sampled behind them, until every row has stopped.\n\n    stream: is called with each token (B) as soon as it is there. how: what is said of\n    stream_tokens.\n    """\n    rows = [tokens]\n    for new in stream_tokens(model, tokens, max_new_tokens, stop=stop, **how):\n        rows.append(new[:, None])\n        if stream is not None:\n            stream(new)\n    made = torch.cat(rows, dim=1)\n    lengths = torch.full(tokens.shape[:1], made.shape[1], device=tokens.device)\n    ends = check_stop(stop, model.config.vocab, tokens.device)\n    if ends is not None:\n        first = tokens.shape[1]\n        last = torch.isin(made[:, first:], ends)\n        alive = last.cumsum(dim=1) == last  # up to the first of them\n        lengths = first + alive.sum(dim=1)\n        made = made[:, : first + int(alive.any(dim=0).sum())]\n    return Generated(made, lengths)\n\n\ndef stream_tokens(\n    model: ',
        str(_given['plan'].model),
        ',\n    tokens: Tensor,\n    max_new_tokens: int,\n    *,\n    pads: Tensor | None = None,\n    stop: int | Sequence[int] | None = None,\n    **sampling: Any,\n) -> Iterator[Tensor]:\n    """The tokens behind tokens (B, T), each (B) as soon as it is there: see Sampling.\n\n    pads (B): how many tokens on the left of each row are none. stop: a row that has\n    drawn one of these repeats it from then on; all rows, and this ends.\n    """\n    between(0, float("inf"), max_new_tokens=max_new_tokens)\n    _, skipped = check(tokens, None, None, pads)\n    if tokens.shape[1] in (0, *skipped):\n        what = "pads" if skipped else "tokens"\n        raise ValueError(f"{what}: each row needs a token to go on from")\n    ends = check_stop(stop, model.config.vocab, tokens.device)\n    how = Sampling(**sampling)\n\n    @torch.no_grad()\n    def steps() -> Iterator[Tensor]:\n        cache = model.new_cache(len(tokens), tokens.shape[1] + max_new_tokens)\n',
    )
    if _given['plan'].graphs:
        _text += (
            '        decode = DecodeGraph(model, cache)\n',
        )
    _text += (
        '        seen = stopped = None\n        if how.repetition_penalty != 1:\n            seen = tokens_of(tokens, pads, model.config.vocab)\n        new = tokens\n        for step in range(max_new_tokens):\n',
    )
    if _given['plan'].graphs:
        _text += (
            '            if step == 0:\n                logits = model(new, cache, pads=pads, last_only=True)\n            else:\n                logits = decode(new)  # (B, 1, vocab)\n',
        )
    else:
        _text += (
            '            first = step == 0\n            asked = pads if first else None\n            logits = model(new, cache, pads=asked, last_only=first)  # (B, 1, vocab)\n',
        )
    _text += (
        '            drawn = sample(logits[:, 0], how, seen)\n            new = drawn if stopped is None else torch.where(stopped, new, drawn)\n            if seen is not None:\n                seen.scatter_(1, new, True)\n            yield new[:, 0]\n            if ends is not None:\n                stopped = torch.isin(new, ends)\n                # to ask a GPU is to wait for it: seldom, at the price of a few tokens\n                if (step % 8 == 7 or not tokens.is_cuda) and stopped.all():\n                    return\n\n    return steps()\n\n\ndef sample(logits: Tensor, how: Sampling, seen: Tensor | None = None) -> Tensor:\n    """One token (B, 1) from logits (B, vocab); seen: the same, of what a row has."""\n    if seen is not None:\n        penalty = how.repetition_penalty\n        less = torch.where(logits > 0, logits / penalty, logits * penalty)\n        logits = torch.where(seen, less, logits)\n    if how.temperature < 1e-6:  # logits are not more exact than that\n        return logits.argmax(dim=-1, keepdim=True)\n    logits = logits.float() / how.temperature\n    if how.top_k is not None:\n        least = logits.topk(min(how.top_k, logits.shape[-1])).values[:, -1:]\n        logits = logits.masked_fill(logits < least, float("-inf"))\n    if how.top_p < 1:\n        ordered, order = logits.sort(dim=-1)\n        rare = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1 - how.top_p\n        rare[:, -1] = False\n        logits = logits.masked_fill(rare.scatter(1, order, rare), float("-inf"))\n    if how.min_p > 0:\n        share = logits.softmax(dim=-1)\n        rare = share < how.min_p * share.amax(dim=-1, keepdim=True)\n        logits = logits.masked_fill(rare, float("-inf"))\n    return torch.multinomial(logits.softmax(dim=-1), 1, generator=how.generator)\n\n\ndef tokens_of(tokens: Tensor, pads: Tensor | None, vocab: int) -> Tensor:\n    """(B, vocab): whether a token is in a row of tokens (B, T), padding left out."""\n    if pads is not None:\n        real = torch.arange(tokens.shape[1], device=tokens.device) >= pads[:, None]\n        tokens = torch.where(real, tokens, tokens[:, -1:])\n    seen = torch.zeros(len(tokens), vocab, dtype=torch.bool, device=tokens.device)\n    return seen.scatter_(1, tokens.long(), True)\n\n\ndef check_stop(\n    stop: int | Sequence[int] | None, vocab: int, device: torch.device\n) -> Tensor | None:\n    """The tokens, or None; ValueError unless they are in the vocabulary."""\n    if stop is None:\n        return None\n    stops: list[Any] = list(stop) if isinstance(stop, Sequence) else [stop]\n    for token in stops:\n        between(0, vocab - 1, stop=token)\n    return torch.tensor(stops, dtype=torch.int64, device=device)\n\n\ndef between(least: float, most: float, **numbers: float) -> None:\n    """Raises ValueError with the name of a number that is out of range, infinite, or\n    not whole where `least` is."""\n    kind: Any = int if isinstance(least, int) else (int, float)\n    for name, value in numbers.items():\n        fits = isinstance(value, kind) and not isinstance(value, bool)\n        if not fits or not least <= value <= most or value == float("inf"):\n            what = "a whole number" if kind is int else "a number"\n            raise ValueError(f"{name}: {what} from {least} to {most}, not {value!r}")\n',
    )
    if _given['plan'].kernels:
        _text += (
            '\n\n',
            str(_given['plan'].kernels),
            '\n',
        )
    return "".join(_text)


SOURCES = {
    'generate.py.j2': 1154264073,
    'hf/arrange.py.j2': 4249770352,
    'hf/cache.py.j2': 2399225893,
    'model.py.j2': 2082844488,
    'sequences.py.j2': 979239223,
}
BLOCKS = {'whole': whole}
