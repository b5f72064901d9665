internal import Distillation
internal import Inference
internal import Kernels
internal import Transformer

/// Writes as the student that is being trained, with the packed weights that it would have now.
final class SamplingAuthor: StudentAuthor {
  private let endOfText: Int32
  private let team: ComputeTeam

  init(endOfText: Int32, team: ComputeTeam) {
    self.endOfText = endOfText
    self.team = team
  }

  func answers(
    to prompts: [[Int32]], recipe: OnPolicyRecipe, configuration: ModelConfiguration,
    parameters: Parameters, bits: ActivationBits?, maximumLength: Int, seed: UInt64
  ) throws -> [[Int32]] {
    let model = try InferenceModel(
      configuration: configuration, parameters: parameters, storage: .fp32, team: team)
    model.activationBits = bits
    return try generateSampled(
      model, prompts: prompts, maximumNewTokens: recipe.maximumTokens,
      maximumLength: maximumLength,
      sampling: SamplingOptions(temperature: recipe.temperature, seed: seed),
      stopTokens: [endOfText], team: team)
  }
}
