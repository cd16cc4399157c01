"""decode, encode and genes: integers and their meaning."""

from typing import Annotated

import starc
from starc.cli.failure import Failure
from starc.cli.options import File, Json, Output, argument, number, option
from starc.cli.streams import STANDARD, columns, read_bytes, read_source, say, write


def decode(
    genome: Annotated[
        str,
        argument(
            metavar="GENOME", help="21211-31112, 10.1.2.1.1-..., JSON; - is stdin."
        ),
    ],
    exact: Annotated[bool, option("--exact", help="Keep silent genes.")] = False,
    width: Annotated[int, number("Of the residual stream.")] = 768,
    vocab: Annotated[int, number("Vocabulary size.")] = 50_304,
    context: Annotated[int, number("Tokens at once.")] = 4096,
    name: Annotated[str, option(help="Of the model.")] = "decoded",
    output: Output = STANDARD,
) -> None:
    """Write readable source for the integers of GENOME."""
    from starc import compiler
    from starc import genome as genomes
    from starc.frontend.unparse import unparse

    if genome == STANDARD:
        text = read_bytes(STANDARD).decode("utf-8", "replace")
        integers = genomes.read(text, "<stdin>")
    else:
        integers = genomes.read(genome)
    try:
        program = genomes.decode(
            integers, exact=exact, width=width, vocab=vocab, context=context, name=name
        )
    except ValueError as error:
        raise Failure(f"--name: {error}") from None
    text = unparse(program)
    compiler.to_ir(text, "<decoded>")  # what is written compiles, or is not written
    write(output, text)


def encode(
    file: File,
    exact: Annotated[
        bool,
        option(
            "--exact/--canonical",
            help="Genes as FILE keeps them, or the one spelling of its architecture.",
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Write the integers that FILE spells."""
    from starc import genome as genomes

    source = read_source(file)
    integers = genomes.encode(starc.parse(source.text, source.name))
    if not exact:
        integers = genomes.canonical(integers)
    text = genomes.write_json(integers) if json else genomes.write(integers)
    write(STANDARD, text + "\n")


def genes(json: Json = False) -> None:
    """Print every gene, its values and their meaning."""
    from starc.genome import reference

    if json:
        write(STANDARD, reference.as_json())
    else:
        say(reference.as_text(columns()).removesuffix("\n"))
