import Testing

@testable import Distillation

struct ActivationFlipTests {
  let recipe = FlipRecipe(
    fraction: 0.5, tokenBudget: 1000, maximumLossIncrease: 0.1, graceSteps: 20)

  /// Runs steps of 10 target tokens with the given losses; returns the final flip and its events.
  private func run(_ losses: [Double], _ recipe: FlipRecipe) -> (ActivationFlip, [String]) {
    var flip = ActivationFlip()
    var events: [String] = []
    for (step, loss) in losses.enumerated() {
      if flip.flipsBefore(step: step, of: losses.count, seenTokens: 10 * step, recipe: recipe) {
        events.append("flipped before \(step)")
      }
      if flip.record(loss: loss, step: step, recipe: recipe) {
        events.append("rolled back after \(step)")
      }
    }
    return (flip, events)
  }

  @Test func `flips once, when the share of the budget is seen`() {
    let (flip, events) = run([Double](repeating: 2, count: 100), recipe)
    #expect(events == ["flipped before 50"])
    #expect(flip.seenTokens == 500)
    #expect(flip.lossBefore == 2)
    #expect(flip.lossAfter == 2)
  }

  @Test func `without a budget the share is one of the steps`() {
    let (_, events) = run([Double](repeating: 2, count: 100), FlipRecipe(fraction: 0.9))
    #expect(events == ["flipped before 90"])
  }

  @Test func `records the jump and the recovery`() {
    let losses = (0..<100).map { $0 < 50 ? 2.0 : 2.15 - 0.02 * Double($0 - 50) }
    let (flip, events) = run(losses, recipe)
    #expect(events.count == 1)
    #expect(flip.lossAfter == 2.15)
    // The mean of 16 losses is back at 2 when their middle is.
    #expect(flip.recoveredAtStep == 50 + 15)
  }

  @Test func `rolls back when the loss stays too high`() {
    let (flip, events) = run((0..<100).map { $0 < 50 ? 2.0 : 2.3 }, recipe)
    #expect(events == ["flipped before 50", "rolled back after 69"])
    #expect(flip.phase == .rolledBack)
    #expect(flip.rolledBackAtStep == 70)
    #expect(flip.recoveredAtStep == nil)
  }

  @Test func `stays when no limit is set`() {
    var recipe = recipe
    recipe.maximumLossIncrease = nil
    let (flip, _) = run((0..<100).map { $0 < 50 ? 2.0 : 9.0 }, recipe)
    #expect(flip.phase == .flipped)
  }
}
