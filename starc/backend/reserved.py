"""Words that the emitted file uses where a label could stand."""

RESERVED = frozenset(
    """
    T_destination abs add_module aiter all anext any append apply ascii at_least
    auxiliary_loss balance_experts batch bfloat16 bin block blocks bool breakpoint
    buffers bytearray bytes cache call_super_init callable check_tokens children chr
    classmethod clear cls compile complex config copy copyright count cpu credits
    cu_seqlens cuda decode delattr device dict dir divmod double dtype dump_patches
    embedding embedding_norm enumerate eps eval exec exit extend extra_repr features
    filter float format forward fromkeys frozenset generate generator get get_buffer
    get_extra_state get_parameter get_submodule getattr given globals graph half
    hasattr hash head head_bias help hex hidden how i id in_proj index input insert
    int ipu isinstance issubclass items iter keys last_only layer layer_embeddings
    layers leaves len lent license like list load_state_dict locals logits map math
    max max_length max_new_tokens memoryview min mixer model modules mtia name
    named_buffers named_children named_modules named_parameters new new_cache
    new_state next nn norm object oct open ord os pads parameters place places pop
    popitem position positions post_norm pow print property quit range rate
    register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook repr requires_grad_
    reset_parameters reversed round sample sampled sampling self seq set
    set_extra_state set_submodule setattr setdefault share_memory shared sides size
    sizes slice sorted state state_dict states staticmethod step str streams sum
    super temperature tl to to_empty tokens top_k torch train training triton tuple
    type u update values vars warnings width x xpu y zero_grad zip
    """.split()
)
"""Attributes of torch's modules and of dict, names of builtins and imports, and what
emitted classes call their parts, arguments and variables. A test holds it against torch
and the templates; no word may leave it, or keys of saved models would change.
"""
