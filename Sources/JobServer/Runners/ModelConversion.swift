// What becomes of a full-precision model (RECIPE §7, stage 1): its shape afterwards, and its
// weights in that shape. The new norms change what the model computes, and so does rounding; how
// much is ConversionDrift's to measure.

internal import Foundation
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Transformer

/// One full-precision model and the shape that it is brought to.
struct ModelConversion {
  let source: ModelConfiguration
  let target: ModelConfiguration

  /// - Throws: `Problem` that says which field of the model stands in the way.
  init(_ spec: ConvertSpec, of source: ModelConfiguration) throws {
    guard source.quantization == .none else {
      throw Self.refused("quantization is ternary already, expected a full-precision model")
    }
    var target = source
    target.subNorm = true
    target.quantization = spec.quantization == .ternary ? .ternary : .none
    target.usesHadamard = spec.usesHadamard
    if spec.usesHadamard {
      for (input, width, name) in [
        ("o_proj", source.queryWidth, "num_attention_heads × head_dim"),
        ("down_proj", source.intermediateSize, "intermediate_size"),
      ] where hadamardBlock(columns: width) == 1 {
        throw Self.refused(
          "\(name) is \(width), expected an even number: block_hadamard has nothing to rotate in"
            + " the input of \(input)")
      }
    }
    self.source = source
    self.target = target
  }

  /// SubLN without rounding: what only the new norms change.
  var withNormsOnly: ModelConfiguration {
    var configuration = target
    configuration.quantization = .none
    configuration.usesHadamard = false
    return configuration
  }

  /// Norms that the model did not have.
  var addedNorms: Int { source.subNorm ? 0 : 2 * source.numHiddenLayers }

  /// The folder's weights in one of the conversion's shapes; norms that are new have weight 1.
  ///
  /// Those of rotated inputs are rotated with them, so that only the rounding of a model with
  /// `usesHadamard` differs from that of one without.
  func weights(
    in folder: URL, as configuration: ModelConfiguration, team: ComputeTeam
  ) throws -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    func isNew(_ view: ParameterView) -> Bool {
      !source.subNorm && view.name.hasSuffix("_sub_norm.weight")
    }
    try ModelFolder.copyWeights(from: folder, into: parameters, missing: isNew)
    for view in parameters.layout.views {
      if isNew(view) {
        (parameters.values + view.offset).update(repeating: 1, count: view.count)
      }
    }
    if configuration.hasRotatedInputs { parameters.rotateInputs(team: team) }
    return parameters
  }

  private static func refused(_ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:invalid-spec", title: "The model cannot be converted",
      detail: detail)
  }
}
