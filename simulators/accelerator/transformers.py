"""Transformers as matrix products: encoders, and decoders in prefill and decode.

Of a block with ``tokens`` new tokens that attend to ``context`` keys, per sequence of the batch:

* projections of width d: ``tokens x d x d`` each for query, key, value and output;
* scores, per head: ``tokens x d/heads x context``; the weighted sum of values: ``tokens x context x d/heads``;
* feed-forward network: ``tokens x d x f`` and back, with a gate (SwiGLU) one product more.

Every weight is used by all sequences of the batch (bound n); the products of attention have operands of their own for
each sequence and head (bound g). The causal mask is not exploited: prefill computes the full square of scores. Softmax,
normalization, activation functions, embedding look-ups and position encodings have no layer. Decoders end with the
logits of one token per sequence, the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from simulators.accelerator.layers import Layer, Network
from simulators.errors import InvalidInputError

ACTIVATION_PRODUCTS: Final = ("attention.scores", "attention.mix")
"""Layers whose operand called weights is activations: keys and values."""


@dataclass(frozen=True)
class Transformer:
    """The dimensions of one transformer.

    Attributes:
        title: what it is.
        source: where the dimensions come from.
        blocks: attention blocks, each executed once.
        width: of a token's vector, d.
        heads: attention heads; they share the width evenly.
        feed_forward: width inside the feed-forward network, f.
        gated: whether the feed-forward network has a gate.
        vocabulary: words of the output layer; 0: none.
        positions: most tokens that a sequence may have.
    """

    title: str
    source: str
    blocks: int
    width: int
    heads: int
    feed_forward: int
    gated: bool
    vocabulary: int
    positions: int

    def block(self, tokens: int, context: int, batch: int) -> Iterator[Layer]:
        """Yield the products of one block."""
        head, products = self.width // self.heads, self.heads * batch
        for projection in ("query", "key", "value"):
            yield _linear(f"attention.{projection}", batch, tokens, self.width, self.width)
        yield Layer.gemm("attention.scores", tokens, head, context, products)
        yield Layer.gemm("attention.mix", tokens, context, head, products)
        yield _linear("attention.output", batch, tokens, self.width, self.width)
        for projection in ("gate", "up") if self.gated else ("up",):
            yield _linear(f"feed_forward.{projection}", batch, tokens, self.width, self.feed_forward)
        yield _linear("feed_forward.down", batch, tokens, self.feed_forward, self.width)

    def network(self, name: str, tokens: int, context: int, batch: int) -> Network:
        """Return all blocks and the output layer, for ``tokens`` new tokens that attend to ``context`` keys."""
        layers = list(self.block(tokens, context, batch))
        counts = [self.blocks] * len(layers)
        if self.vocabulary:
            layers.append(_linear("logits", batch, 1, self.width, self.vocabulary))
            counts.append(1)
        return Network(name, tuple(layers), tuple(counts), self.source)


def _linear(name: str, batch: int, tokens: int, inputs: int, outputs: int) -> Layer:
    return Layer(name, n=batch, p=tokens, c=inputs, m=outputs)


BERT_BASE: Final = Transformer(
    title="BERT-base encoder",
    source="J. Devlin et al., arXiv:1810.04805, section 3: 12 blocks, width 768, 12 heads, feed-forward 3072",
    blocks=12,
    width=768,
    heads=12,
    feed_forward=3072,
    gated=False,
    vocabulary=0,
    positions=512,
)
GPT2: Final = Transformer(
    title="GPT-2 (124 M)",
    source="A. Radford et al., Language Models are Unsupervised Multitask Learners, 2019, table 2 and section 2.3: "
    "12 blocks, width 768, vocabulary 50257, context 1024; 12 heads as in the released model",
    blocks=12,
    width=768,
    heads=12,
    feed_forward=3072,
    gated=False,
    vocabulary=50257,
    positions=1024,
)
LLAMA_2_7B: Final = Transformer(
    title="Llama 2 7B",
    source="H. Touvron et al., arXiv:2307.09288, and arXiv:2302.13971, table 2: 32 blocks, width 4096, 32 heads; "
    "feed-forward 11008 and vocabulary 32000 as in the released model",
    blocks=32,
    width=4096,
    heads=32,
    feed_forward=11008,
    gated=True,
    vocabulary=32000,
    positions=4096,
)


@dataclass(frozen=True)
class TransformerWorkload:
    """A transformer doing one thing.

    Attributes:
        model: its dimensions.
        length_option: ``sequence``: so many tokens enter at once and attend to all of them (encoder, prefill);
            ``context``: one token attends to so many keys, its own included (decode).
        length: the option's default.
    """

    model: Transformer
    length_option: str
    length: int

    @property
    def options(self) -> dict[str, int]:
        """Options with their defaults."""
        return {"batch": 1, self.length_option: self.length}

    def network(self, name: str, options: Mapping[str, int]) -> Network:
        """Return the layers.

        Args:
            name: of the network.
            options: ``batch`` and the option of length; what lacks has its default.

        Raises:
            InvalidInputError: more tokens than the model has positions.
        """
        chosen = self.options | dict(options)
        length = chosen[self.length_option]
        if length > self.model.positions:
            raise InvalidInputError(
                f"network {name!r}: {self.length_option} cannot be {length}: {self.model.title} has "
                f"{self.model.positions} positions"
            )
        tokens = 1 if self.length_option == "context" else length
        return self.model.network(name, tokens, length, chosen["batch"])

    def title(self, options: Mapping[str, int]) -> str:
        """Return what the network is."""
        length = (self.options | dict(options))[self.length_option]
        if self.length_option == "context":
            return f"{self.model.title}, one token with a context of {length}"
        return f"{self.model.title}, {length} tokens at once"


TRANSFORMERS: Final[Mapping[str, TransformerWorkload]] = MappingProxyType(
    {
        "bert-base": TransformerWorkload(BERT_BASE, "sequence", 128),
        "gpt2-prefill": TransformerWorkload(GPT2, "sequence", 1024),
        "gpt2-decode": TransformerWorkload(GPT2, "context", 1024),
        "llama-2-7b-prefill": TransformerWorkload(LLAMA_2_7B, "sequence", 2048),
        "llama-2-7b-decode": TransformerWorkload(LLAMA_2_7B, "context", 2048),
    }
)
"""Transformers by the name of the network."""
