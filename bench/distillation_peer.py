#!/usr/bin/env python3
"""PyTorch's distillation step with a teacher beside the student, and its clock.

The student, the batch and the clock are those of the peer's bench_train.py (folder in PEER_SCRIPTS). The teacher is the same
shape in full precision, without SubLN. Loss: KL(teacher || student) of the whole vocabulary at temperature 5, cross-entropy,
and the attention relations of the layer at 80 % depth (cosine, causal, one relation head a head; queries, keys, values).

usage: distillation_peer.py --config mini --mode fp32 --threads 2 [--compile] [--bitlinear ref|int8] [--loss naive|chunked]
       distillation_peer.py --check        (the ways to do it agree with each other)
"""
import argparse
import os
import sys
import time

if __name__ == "__main__" and "--threads" in sys.argv:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = sys.argv[sys.argv.index("--threads") + 1]
sys.path.insert(0, os.environ.get("PEER_SCRIPTS", "."))
import bench_train as peer
import torch
import torch.nn as nn
import torch.nn.functional as F

TEMPERATURE, CE_WEIGHT, RELATION_WEIGHT = 5.0, 1.0, 1.0


def relation_layer(layers):
    return max(round(0.8 * layers), 1) - 1


def teacher_of(config):
    """The full-precision model of the same shape: SubLN becomes nothing."""
    model = peer.Student(config, peer.PlainLinear)
    for block in model.blocks:
        block.attn_sub_norm, block.ffn_sub_norm = nn.Identity(), nn.Identity()
    return model.requires_grad_(False)


def block_with_vectors(block, x, cos, sin):
    """The peer's block, which keeps its queries, keys and values to itself."""
    c = block.c
    B, T, _ = x.shape
    h = block.attn_norm(x)
    q = block.q_proj(h).view(B, T, c.heads, c.head_dim)
    k = block.k_proj(h).view(B, T, c.kv_heads, c.head_dim)
    v = block.v_proj(h).view(B, T, c.kv_heads, c.head_dim).transpose(1, 2)
    if c.qk_norm:
        q, k = block.q_norm(q), block.k_norm(k)
    q = peer.rotate(q.transpose(1, 2), cos, sin).to(v.dtype)
    k = peer.rotate(k.transpose(1, 2), cos, sin).to(v.dtype)
    o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=c.heads != c.kv_heads)
    x = x + block.o_proj(block.attn_sub_norm(o.transpose(1, 2).reshape(B, T, -1)))
    h = block.mlp_norm(x)
    return x + block.down_proj(block.ffn_sub_norm(F.silu(block.gate_proj(h)) * block.up_proj(h))), q, k, v


def body(model, ids):
    """The final-normed hidden state, and the compared layer's queries, keys and values."""
    cos, sin = model.rope(ids.shape[1])
    x = model.embed(ids)
    compared = relation_layer(len(model.blocks))
    for index, block in enumerate(model.blocks):
        if index == compared:
            x, q, k, v = block_with_vectors(block, x, cos, sin)
        else:
            x = block(x, cos, sin)
    return model.norm(x), q, k, v


def log_shares(vectors):
    a = F.normalize(vectors.float(), dim=-1)
    scores = a @ a.transpose(-1, -2)
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, -1e9).log_softmax(-1)


def relation_loss(student, teacher):
    terms = []
    for s, t in zip(student, teacher):
        p, q = log_shares(s), log_shares(t)
        terms.append((q.exp() * (q - p)).sum(-1).mean())
    return sum(terms)


def logit_loss(z, u, labels):
    z, u = z.float().flatten(0, -2), u.float().flatten(0, -2)
    q = F.log_softmax(u / TEMPERATURE, -1)
    kl = F.kl_div(F.log_softmax(z / TEMPERATURE, -1), q, reduction="batchmean", log_target=True)
    return kl + CE_WEIGHT * F.cross_entropy(z, labels.flatten())


class ChunkedHeadLoss(torch.autograd.Function):
    """Both heads and the loss some rows at a time, the gradient in closed form: logits are never kept."""

    @staticmethod
    def forward(ctx, h, W, teacher_h, teacher_W, labels, chunk, dtype):
        hf, tf = h.reshape(-1, h.shape[-1]), teacher_h.reshape(-1, teacher_h.shape[-1])
        hq, Wq, tq, tWq = hf.to(dtype), W.to(dtype), tf.to(dtype), teacher_W.to(dtype)
        label, inverse = labels.reshape(-1, 1), 1.0 / labels.numel()
        gh, gW = torch.empty_like(hf), torch.zeros(W.shape, dtype=torch.float32)
        loss = 0.0
        for first in range(0, hf.shape[0], chunk):
            rows = slice(first, first + chunk)
            z, u = (hq[rows] @ Wq.t()).float(), (tq[rows] @ tWq.t()).float().div_(TEMPERATURE)
            lse = torch.logsumexp(z, -1, keepdim=True)
            loss += CE_WEIGHT * (lse - z.gather(-1, label[rows])).sum()
            p = z / TEMPERATURE
            p -= torch.logsumexp(p, -1, keepdim=True)
            u -= torch.logsumexp(u, -1, keepdim=True)
            q = u.exp()
            loss += (q * u.sub_(p)).sum()
            g = p.exp_().sub_(q).mul_(inverse / TEMPERATURE)
            z.sub_(lse).exp_().mul_(CE_WEIGHT * inverse).add_(g)
            z.scatter_add_(-1, label[rows], torch.full_like(lse, -CE_WEIGHT * inverse))
            zq = z.to(dtype)
            gh[rows] = (zq @ Wq).to(gh.dtype)
            gW += zq.t() @ hq[rows]
        ctx.save_for_backward(gh.reshape(h.shape), gW)
        return loss * inverse

    @staticmethod
    def backward(ctx, gradient):
        gh, gW = ctx.saved_tensors
        return gh * gradient, gW * gradient, None, None, None, None, None


def make_step(student, teacher, optimizer, batch, bf16, loss, compiled, chunk=256):
    ids, labels = batch["input_ids"], batch["labels"]
    dtype = torch.bfloat16 if bf16 else torch.float32
    run, logits = body, logit_loss
    relations = relation_loss
    if compiled:
        run, logits, relations = torch.compile(body), torch.compile(logit_loss), torch.compile(relation_loss)

    def value():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            with torch.no_grad():
                teacher_h, *teacher_vectors = run(teacher, ids)
            h, *vectors = run(student, ids)
            if loss == "chunked":
                total = ChunkedHeadLoss.apply(
                    h, student.head_weight, teacher_h, teacher.head_weight, labels, chunk, dtype)
            else:
                with torch.no_grad():
                    u = F.linear(teacher_h, teacher.head_weight)
                total = logits(F.linear(h, student.head_weight), u, labels)
            return total + RELATION_WEIGHT * relations(vectors, teacher_vectors)

    def step():
        began = time.perf_counter()
        total = value()
        total.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step.loss = total.item()
        return {"step": time.perf_counter() - began}

    step.value = value
    return step


def check():
    config = peer.Config(64, 3, 4, 2, 16, 160, 512, qk_norm=True)
    batch = peer.make_batch(config, 2, 24, 8)
    reference = None
    for linear, loss in (("ref", "naive"), ("ref", "chunked"), ("int8", "chunked")):
        torch.manual_seed(0)
        student, teacher = peer.Student(config, peer.LINEARS[linear]), teacher_of(config)
        with torch.no_grad():
            for parameter in [*student.parameters(), *teacher.parameters()]:
                if parameter.ndim == 2:
                    parameter.mul_(5.0)
        total = make_step(student, teacher, None, batch, False, loss, False, chunk=7).value()
        total.backward()
        gradient = torch.cat([p.grad.flatten() for p in student.parameters()])
        reference = reference or (total.item(), gradient)
        distance = ((gradient - reference[1]).norm() / reference[1].norm()).item()
        print(f"{linear:6s}{loss:8s} loss {total.item():.6f}, gradient's distance {distance:.1e}")
        if abs(total.item() - reference[0]) > 1e-4 or distance > 1e-3:
            sys.exit("the ways disagree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--config", default="mini", choices=peer.CONFIGS)
    parser.add_argument("--mode", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bitlinear", default="ref", choices=peer.LINEARS)
    parser.add_argument("--loss", default="naive", choices=("naive", "chunked"))
    parser.add_argument("--kd", help="taken and not used: the loss is the one above")
    parser.add_argument("--quiet-target", type=int, default=7)
    parser.add_argument("--max-samples", type=int, default=30)
    parser.add_argument("--max-seconds", type=float, default=120)
    parser.add_argument("--wait-budget", type=float, default=240)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--out")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.check:
        return check()
    import peerlib
    config, B, T, student, optimizer = peer.build(a.config, a.bitlinear, "fused")
    teacher = teacher_of(config)
    if a.mode == "bf16":
        teacher = teacher.to(torch.bfloat16)
    batch = peer.make_batch(config, B, T)
    for model in (student, teacher):
        model.rope(T)
    step = make_step(student, teacher, optimizer, batch, a.mode == "bf16", a.loss, a.compile)
    began = time.perf_counter()
    step()
    first = time.perf_counter() - began
    sampler = peerlib.Sampler(
        a.threads, a.quiet_target, a.max_samples, a.max_seconds, a.wait_budget, warmup=a.warmup
    ).run(step)
    figures = dict(bench="distillation", config=a.config, mode=a.mode, compile=a.compile, threads=a.threads,
                   bitlinear=a.bitlinear, loss=a.loss, batch=B, seq=T, torch=torch.__version__)
    figures.update(sampler.summary(B * T))
    figures.update(first_step_s=round(first, 2), peak_rss_mb=round(peerlib.peak_rss_mb()),
                   loss_value=round(step.loss, 4))
    peerlib.emit(figures, a.out)


if __name__ == "__main__":
    main()
