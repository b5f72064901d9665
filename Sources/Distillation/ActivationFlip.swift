// The one change from 8-bit to 4-bit activations (RECIPE §2).
//
//   pending ──(seen target tokens reach fraction × budget)──▶ flipped
//   flipped ──(mean loss after the grace steps too high)──▶ rolledBack
//
// The optimizer's state and the weights are kept through both changes. `rolledBack` is final: a run
// whose student cannot take 4 bits ends as an 8-bit student, and its health says so.

/// When activations go from 8 to 4 bits.
package struct FlipRecipe: Codable, Equatable, Sendable {
  /// The share of the token budget after which the flip happens, 0 ... 1.
  package var fraction: Double
  /// Target tokens of the whole run; nil: the share is one of the run's steps instead.
  package var tokenBudget: Int?
  /// How much higher than before, as a share of it, the loss may be after the grace steps; nil:
  /// never roll back.
  package var maximumLossIncrease: Double?
  /// Steps after the flip before the loss is judged.
  package var graceSteps: Int

  enum CodingKeys: String, CodingKey {
    case fraction
    case tokenBudget = "token_budget"
    case maximumLossIncrease = "max_loss_increase"
    case graceSteps = "grace_steps"
  }

  /// - Parameters: as the properties.
  package init(
    fraction: Double = 0.9, tokenBudget: Int? = nil, maximumLossIncrease: Double? = nil,
    graceSteps: Int = 32
  ) {
    self.fraction = fraction
    self.tokenBudget = tokenBudget
    self.maximumLossIncrease = maximumLossIncrease
    self.graceSteps = graceSteps
  }
}

/// The flip of one run: when it happened, and what it did to the loss.
package struct ActivationFlip: Codable, Equatable, Sendable {
  /// Losses are compared as means over so many steps.
  package static let windowSteps = 16

  /// Where the flip stands.
  package enum Phase: String, Codable, Sendable {
    case pending, flipped
    case rolledBack = "rolled_back"
  }

  /// Where it stands.
  package private(set) var phase = Phase.pending
  /// The first step with 4 bits, counted from 0.
  package private(set) var step: Int?
  /// Target tokens seen before that step.
  package private(set) var seenTokens: Int?
  /// The mean loss of the last steps with 8 bits.
  package private(set) var lossBefore: Double?
  /// The loss of the first step with 4 bits.
  package private(set) var lossAfter: Double?
  /// The step from which the mean loss is back at `lossBefore`.
  package private(set) var recoveredAtStep: Int?
  /// The step before which the flip was undone.
  package private(set) var rolledBackAtStep: Int?
  /// The newest losses, at most `windowSteps`, oldest first.
  private var recentLosses: [Double] = []

  enum CodingKeys: String, CodingKey {
    case phase, step
    case seenTokens = "seen_tokens"
    case lossBefore = "loss_before"
    case lossAfter = "loss_right_after"
    case recoveredAtStep = "recovered_at_step"
    case rolledBackAtStep = "rolled_back_at_step"
    case recentLosses = "recent_losses"
  }

  /// Nothing has happened yet.
  package init() {}

  /// Flips when it is time.
  ///
  /// - Parameters:
  ///   - step: the step that is about to run.
  ///   - seenTokens: target tokens of all steps before it.
  ///   - steps: the run's length.
  /// - Returns: whether this step is the first with 4 bits.
  package mutating func flipsBefore(
    step: Int, of steps: Int, seenTokens: Int, recipe: FlipRecipe
  ) -> Bool {
    let isDue =
      if let budget = recipe.tokenBudget {
        Double(seenTokens) >= recipe.fraction * Double(budget)
      } else {
        Double(step) >= recipe.fraction * Double(steps)
      }
    guard phase == .pending, isDue else { return false }
    phase = .flipped
    self.step = step
    self.seenTokens = seenTokens
    lossBefore = meanLoss
    recentLosses = []
    return true
  }

  /// Takes in the loss of a finished step.
  ///
  /// - Returns: whether the flip is undone before the next step.
  package mutating func record(loss: Double, step: Int, recipe: FlipRecipe) -> Bool {
    recentLosses = recentLosses.suffix(Self.windowSteps - 1) + [loss]
    guard phase == .flipped, let flipStep = self.step, let mean = meanLoss else { return false }
    if step == flipStep { lossAfter = loss }
    guard let lossBefore else { return false }
    if recoveredAtStep == nil, recentLosses.count == Self.windowSteps, mean <= lossBefore {
      recoveredAtStep = step
    }
    guard let limit = recipe.maximumLossIncrease, step - flipStep + 1 == recipe.graceSteps,
      mean > lossBefore * (1 + limit)
    else { return false }
    phase = .rolledBack
    rolledBackAtStep = step + 1
    return true
  }

  private var meanLoss: Double? {
    recentLosses.isEmpty ? nil : recentLosses.reduce(0, +) / Double(recentLosses.count)
  }
}
