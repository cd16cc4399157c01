# hf/modeling.py.j2 as Python. Do not edit: `make golden` writes it.


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
        'from transformers import ',
        str(('DynamicCache, ' if _given['plan'].stateful else '')),
        'GenerationMixin, PreTrainedModel\nfrom transformers import initialization as init\n',
    )
    if _given['plan'].stateful:
        _text += (
            'from transformers.cache_utils import CacheLayerMixin\n',
        )
    _text += (
        'from transformers.modeling_layers import GradientCheckpointingLayer\nfrom transformers.modeling_outputs import (\n    BaseModelOutputWithPast,\n    CausalLMOutputWithPast,\n)\nfrom transformers.modeling_utils import slice_logits_to_keep\nfrom transformers.utils import can_return_tuple\nfrom transformers.utils.deprecation import deprecate_kwarg\nfrom transformers.utils.generic import merge_with_config_defaults\nfrom transformers.utils.output_capturing import capture_outputs\n\nfrom .configuration_',
        str(_given['hf'].module),
        ' import ',
        str(_given['plan'].model),
        'Config as Config\n\n\nclass ',
        str(_given['plan'].model),
        'PreTrainedModel(PreTrainedModel):\n    """What transformers asks about this architecture."""\n\n    config_class = Config\n    base_model_prefix = "model"\n    _input_embed_layer = "embedding"\n    supports_gradient_checkpointing = True\n    model_tags = ["starc"]\n    _no_split_modules = ',
        str(_given['hf'].no_split),
        '\n',
    )
    if _given['hf'].float32:
        _text += (
            '    _keep_in_fp32_modules_strict = ',
            str(_given['hf'].float32),
            '\n',
        )
    if _given['plan'].blocks:
        _text += (
            '    _can_record_outputs = {"hidden_states": GradientCheckpointingLayer}\n',
        )
    _text += (
        '    _supports_sdpa = True\n    _can_compile_fullgraph = False  # what a mask leaves out is counted on the host\n',
    )
    if _given['plan'].stateful:
        _text += (
            '    _is_stateful = True  # a state cannot go back by some tokens\n',
        )
    _text += (
        '\n    @torch.no_grad()\n    def _init_weights(self, module: nn.Module) -> None:\n        """Draws what was not loaded.\n\n        Linear weights are normal by fan-in, those that write to the stream less by\n        depth.\n        """\n        if isinstance(module, nn.Embedding):\n            init.normal_(module.weight, std=0.02)  # as in GPT-2\n        elif isinstance(module, ',
        str(('nn.Linear | ExpertWeights' if _given['plan'].experts else 'nn.Linear')),
        '):\n            # 0.4: of inputs normed to 1, std 0.02 at 1,000 channels\n            last = hasattr(module, "writes_to_stream")\n            variance = ',
        str(_given['plan'].variance),
        ' if last else 0.4\n            init.normal_(module.weight, std=(variance / module.in_features) ** 0.5)\n            if getattr(module, "bias", None) is not None:\n                init.zeros_(module.bias)\n        elif hasattr(module, "reset_parameters"):\n            own = module.parameters(recurse=False)\n            loaded = [p for p in own if getattr(p, "_is_hf_initialized", False)]\n            values = [parameter.clone() for parameter in loaded]\n            module.reset_parameters()\n            for parameter, value in zip(loaded, values, strict=True):\n                parameter.copy_(value)\n\n\nclass ',
        str(_given['plan'].model),
        'Model(',
        str(_given['plan'].model),
        'PreTrainedModel):\n    """Tokens (B, T) to what the head reads, (B, T, D)."""\n\n    def __init__(self, config: Config) -> None:\n        super().__init__(config)\n',
    )
    for line in _given['plan'].construct:
        _text += (
            str(line),
            '\n',
        )
    _text += (
        '        self.norm = ',
        str(_given['plan'].norm),
        '\n        for name, module in self.named_modules():\n            if name.endswith(',
        str(_given['plan'].output_names),
        '):\n                module.writes_to_stream = True\n        self.gradient_checkpointing = False\n        self.post_init()\n\n    @deprecate_kwarg("past_key_values", "6.0.0", new_name="cache")\n    @merge_with_config_defaults\n    @capture_outputs\n    def forward(\n        self,\n        input_ids: Tensor | None = None,\n        attention_mask: Tensor | None = None,\n        position_ids: Tensor | None = None,\n        cache: ',
        str(('DynamicCache' if _given['plan'].stateful else 'Any')),
        ' | None = None,\n        inputs_embeds: Tensor | None = None,\n        use_cache: bool | None = None,\n        cu_seq_lens_q: Tensor | None = None,\n        **kwargs: Any,\n    ) -> BaseModelOutputWithPast:\n',
    )
    if _given['plan'].stateful:
        _text += (
            '        """attention_mask (B, ... T): tokens that are none are left out, wherever they\n        stand. cu_seq_lens_q (S + 1), or position_ids that begin again: sequences that\n        stand one after the other, each computed alone."""\n',
        )
    else:
        _text += (
            '        """Each token is computed alone: masks and positions change nothing."""\n',
        )
    if _given['hf'].by_token:
        _text += (
            '        if input_ids is None or inputs_embeds is not None:\n            raise ValueError("give input_ids: layers have embeddings of their own")\n        x = self.embedding(input_ids)\n',
        )
    else:
        _text += (
            '        if (input_ids is None) == (inputs_embeds is None):\n            raise ValueError("give input_ids or inputs_embeds, one of them")\n        x = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds\n',
        )
    if _given['hf'].scale:
        _text += (
            '        x = ',
            str(_given['hf'].scale),
            ' * x\n',
        )
    if _given['plan'].auxiliary:
        _text += (
            '        if self.training:\n            self.auxiliary_loss()  # of an earlier pass, if nobody has taken it\n',
        )
    if _given['plan'].stateful:
        _text += (
            '        borders = packed_borders(x, attention_mask, position_ids, cu_seq_lens_q)\n        if use_cache and cache is None and not borders and not self.training:\n            cache = DynamicCache(config=self.config)\n        kept = None if cache is None else kept_in(cache, self, x)\n        x, states, real = arrange(self, x, kept, attention_mask, borders)\n',
        )
    if (_given['hf'].by_token and _given['plan'].stateful):
        _text += (
            '        tokens = input_ids if real is None else input_ids[real][None]\n',
        )
    elif _given['hf'].by_token:
        _text += (
            '        tokens = input_ids\n',
        )
    for line in _given['plan'].forward:
        _text += (
            str(line),
            '\n',
        )
    if _given['plan'].stateful:
        _text += (
            '        x = padded(self.norm(x), real)\n',
        )
    else:
        _text += (
            '        x = self.norm(x)\n',
        )
    _text += (
        '        return BaseModelOutputWithPast(last_hidden_state=x, cache=cache)\n',
    )
    if _given['plan'].auxiliary:
        _text += (
            '\n    def auxiliary_loss(self) -> Tensor:\n        """Takes what the last forward pass adds to the loss of training: a number."""\n        total = self.embedding.weight.new_zeros(())\n        layers: list[Any] = [m for m in self.modules() if hasattr(m, "auxiliary")]\n        for module in layers:\n            total, module.auxiliary = total + module.auxiliary, 0.0\n        return total\n',
        )
    _text += (
        '\n\nclass ',
        str(_given['plan'].model),
        'ForCausalLM(',
        str(_given['plan'].model),
        'PreTrainedModel, GenerationMixin):\n    """Tokens (B, T) to logits (B, T, vocab), each from the tokens up to its own."""\n\n',
    )
    if _given['plan'].tied:
        _text += (
            '    _tied_weights_keys = {"lm_head.weight": "model.embedding.weight"}\n',
        )
    _text += (
        '    _tp_plan = {"lm_head": "colwise_gather_output"}\n\n    def __init__(self, config: Config) -> None:\n        super().__init__(config)\n        self.model = ',
        str(_given['plan'].model),
        'Model(config)\n        self.lm_head = nn.Linear(config.width, config.vocab',
        str(('' if _given['plan'].head_bias else ', bias=False')),
        ')\n        self.post_init()\n',
    )
    if _given['hf'].odd_name:
        _text += (
            '\n    @classmethod\n    def _supports_default_dynamic_cache(cls) -> bool:\n        return True  # transformers takes the name for that of another model\n',
        )
    if _given['hf'].linear:
        _text += (
            '\n    def _prepare_cache_for_generation(self, *given: Any) -> None:\n        super()._prepare_cache_for_generation(*given)\n        cache = given[1].get("cache")\n        if cache is not None and all(cache.is_linear):\n            cache.layers = []  # the model\'s own count their tokens\n',
        )
    _text += (
        '\n    @deprecate_kwarg("past_key_values", "6.0.0", new_name="cache")\n    @can_return_tuple\n    def forward(\n        self,\n        input_ids: Tensor | None = None,\n        attention_mask: Tensor | None = None,\n        position_ids: Tensor | None = None,\n        cache: ',
        str(('DynamicCache' if _given['plan'].stateful else 'Any')),
        ' | None = None,\n        inputs_embeds: Tensor | None = None,\n        labels: Tensor | None = None,\n        use_cache: bool | None = None,\n        logits_to_keep: int | Tensor = 0,\n        **kwargs: Any,\n    ) -> CausalLMOutputWithPast:\n        outputs = self.model(\n            input_ids=input_ids,\n            attention_mask=attention_mask,\n            position_ids=position_ids,\n            cache=cache,\n            inputs_embeds=inputs_embeds,\n            use_cache=use_cache,\n            **kwargs,\n        )\n        x = slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep)\n        if isinstance(logits_to_keep, int) and logits_to_keep:\n            # Laid out anew: for a view a CPU copies a frozen head in bfloat16.\n            x = x.clone(memory_format=torch.contiguous_format)\n',
    )
    head = (str(_given['plan'].logit_scale) + str('self.lm_head(x)'))
    if _given['plan'].softcap:
        _text += (
            '        logits = ',
            str(_given['plan'].softcap),
            ' * torch.tanh(',
            str(head),
            ' / ',
            str(_given['plan'].softcap),
            ')\n',
        )
    else:
        _text += (
            '        logits = ',
            str(head),
            '\n',
        )
    _text += (
        '        loss = None\n        if labels is not None:\n            vocab = self.config.vocab\n            loss = self.loss_function(logits, labels, vocab_size=vocab, **kwargs)\n',
    )
    if _given['plan'].auxiliary:
        _text += (
            '            if self.training:\n                loss = loss + self.model.auxiliary_loss()\n',
        )
    _text += (
        '        return CausalLMOutputWithPast(\n            loss=loss,\n            logits=logits,\n            cache=outputs.cache,\n            hidden_states=outputs.hidden_states,\n            attentions=outputs.attentions,\n        )\n',
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
    if _given['plan'].balanced:
        _text += (
            '\n\n@torch.no_grad()\ndef balance_experts(model: nn.Module, rate: float = 1e-3) -> None:\n    """Experts that fewer tokens took than an equal share, since the last time, are\n    chosen more easily from now on (arXiv 2408.15664): behind each optimizer step."""\n    mixtures: list[Any] = [m for m in model.modules() if hasattr(m, "balance")]\n    for mixture in mixtures:\n        load = mixture.load.float()\n        if torch.distributed.is_initialized():\n            torch.distributed.all_reduce(load)\n        mixture.balance += rate * (load.mean() - load).sign()\n        mixture.load.zero_()\n',
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
    if _given['plan'].kernels:
        _text += (
            '\n\n',
            str(_given['plan'].kernels),
            '\n',
        )
    return "".join(_text)


SOURCES = {
    'hf/arrange.py.j2': 4249770352,
    'hf/cache.py.j2': 2399225893,
    'hf/modeling.py.j2': 2459250552,
    'model.py.j2': 2082844488,
    'sequences.py.j2': 979239223,
}
BLOCKS = {'whole': whole}
