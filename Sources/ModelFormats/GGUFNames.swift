/// The names of tensors in GGUF files for Hugging Face's.
///
/// Source: gguf-py's `tensor_mapping.py`.
enum GGUFNames {
  private static let whole = [
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
  ]
  private static let inBlock = [
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "self_attn.attn_sub_norm": "attn_sub_norm",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.ffn_sub_norm": "ffn_sub_norm",
    "mlp.down_proj": "ffn_down",
  ]

  /// `blk.3.attn_q.weight` for `model.layers.3.self_attn.q_proj.weight`.
  static func name(_ huggingFace: String) -> String {
    let (module, kind) = split(huggingFace)
    if let name = whole[module] { return "\(name).\(kind)" }
    let parts = module.split(separator: ".", maxSplits: 3)
    guard parts.count == 4, let name = inBlock[String(parts[3])] else {
      preconditionFailure("no parameter layout has \(huggingFace)")
    }
    return "blk.\(parts[2]).\(name).\(kind)"
  }

  /// The tensor that holds the scale of a matrix's trits.
  static func scaleName(_ huggingFace: String) -> String {
    split(name(huggingFace)).module + ".scale"
  }

  /// Whether the rows of a tensor are those of query or key heads, which RoPE turns.
  static func isRotated(_ huggingFace: String) -> Bool {
    huggingFace.contains(".q_proj.") || huggingFace.contains(".k_proj.")
  }

  private static func split(_ name: String) -> (module: String, kind: String) {
    guard let dot = name.lastIndex(of: ".") else { return (name, "") }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }
}

/// Which row of ours a file of architecture `llama` has at a place: its heads rotate neighbouring
/// pairs, ours the two halves.
struct HeadOrder {
  /// The width of one head; nil keeps the order.
  let headDim: Int?

  /// Our row for the row at `place` in the file.
  func row(at place: Int) -> Int {
    guard let headDim else { return place }
    let (head, inside) = place.quotientAndRemainder(dividingBy: headDim)
    return head * headDim + inside % 2 * (headDim / 2) + inside / 2
  }
}
