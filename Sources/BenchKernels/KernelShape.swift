import ArgumentParser

/// The shapes of the training bench, as the products see them.
enum KernelShape: String, CaseIterable, ExpressibleByArgument {
  case mini, small
  case qwen3 = "qwen3-0.6b"

  /// One matrix of a block: `[outputs, inputs]`.
  struct Projection {
    let name: String
    let outputs: Int
    let inputs: Int
  }

  /// Tokens of a step.
  var tokens: Int {
    switch self {
    case .mini: 2048
    case .small: 1024
    case .qwen3: 128
    }
  }

  /// Tokens whose logits exist at once.
  var headTokens: Int { self == .qwen3 ? 128 : 512 }

  var vocabulary: Int { self == .qwen3 ? 151_936 : 32_000 }

  var hidden: Int {
    switch self {
    case .mini: 256
    case .small: 512
    case .qwen3: 1024
    }
  }

  /// The projections of different shapes.
  var projections: [Projection] {
    let mlp = 3 * hidden
    let ends = [
      Projection(name: "gate-up", outputs: mlp, inputs: hidden),
      Projection(name: "down", outputs: hidden, inputs: mlp),
    ]
    guard self == .qwen3 else {
      return [Projection(name: "qkvo", outputs: hidden, inputs: hidden)] + ends
    }
    return [
      Projection(name: "q", outputs: 2048, inputs: hidden),
      Projection(name: "kv", outputs: 1024, inputs: hidden),
      Projection(name: "o", outputs: hidden, inputs: 2048),
    ] + ends
  }
}
