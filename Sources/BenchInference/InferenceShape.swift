import ArgumentParser
import Kernels
import Transformer

/// The shapes of issue 4's table.
enum InferenceShape: String, CaseIterable, ExpressibleByArgument {
  case bitnet2B4T = "bitnet-2b4t"
  case qwen3 = "qwen3-0.6b"
  case sevenB = "7b"

  /// The shape with ternary projections.
  var configuration: ModelConfiguration {
    get throws {
      guard var configuration = ModelConfiguration.preset(rawValue) else {
        throw ValidationError("there is no preset \(rawValue)")
      }
      configuration.quantization = .ternary
      return configuration
    }
  }

  /// How the tables call it.
  var shortName: String {
    switch self {
    case .bitnet2B4T: "2b4t"
    case .qwen3: "qwen3-0.6b"
    case .sevenB: "7b"
    }
  }
}

/// What is measured, in tokens a second.
enum InferenceMeasure: String, CaseIterable, ExpressibleByArgument {
  /// One sequence, token by token.
  case decode
  /// Eight sequences, a token of each at a time.
  case batch8
  /// One prompt of 512 tokens.
  case prefill
}

extension DenseWeights.Storage: ExpressibleByArgument {}
