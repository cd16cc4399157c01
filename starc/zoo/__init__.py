"""Public families of models: their configurations and weights, in and out.

A family is one file in `families/`, and in it one table: which field of a configuration
says what of the architecture, and which of its tensors is which of ours. All that is
done with a family reads the table.

    read(config)               what a configuration says, or why it cannot be said
    source(reading, name)      the same as a `.star` file
    recognise(model)           a model -> its family, and the configuration that says it
    tensor_rows(reading, ir)   their tensors, as those of a model of that architecture

Everything from outside is data: types, sizes and names are checked where it comes in.
"""
