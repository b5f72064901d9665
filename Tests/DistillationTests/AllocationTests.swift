import CAllocationCount
import Kernels
import Testing

@testable import Distillation

/// A step's memory is there before the first step: none of its operations asks for any.
struct AllocationTests {
  /// Room for anything that grows with the model or the batch is larger than this; what a step takes
  /// that is not (its report, closures, the batch's lists of tokens) is of some kilobytes at most.
  private static let bytes = 16 << 10

  /// Requests of the next steps, by all threads of the team.
  private func requests(of trainer: Trainer, team: ComputeTeam, steps: Int) throws -> Int {
    team.parallel { worker in
      if worker.index > 0 { allocation_count_begin(Self.bytes) }
    }
    allocation_count_begin(Self.bytes)
    for _ in 0..<steps { try trainer.step() }
    let mine = allocation_count_end()
    let others = AlignedBuffer<Int>(count: team.threadCount)
    team.parallel { worker in
      if worker.index > 0 { others.pointer[worker.index] = Int(allocation_count_end()) }
    }
    return Int(mine) + others.elements.reduce(0, +)
  }

  @Test(arguments: TrainingRecipe.Precision.allCases)
  func `a step allocates nothing that grows with the model`(
    precision: TrainingRecipe.Precision
  ) throws {
    // On other instruction sets OpenBLAS multiplies, whose operands are written out as floats.
    guard InstructionSet.active == .avx512 else { return }
    for accumulation in [1, 2] {
      let configuration = TrainingFixture.configuration(tied: accumulation == 1)
      let recipe = TrainingFixture.recipe(accumulation: accumulation, precision: precision)
      let team = ComputeTeam(threadCount: 2)
      let trainer = try Trainer(
        recipe: recipe, configuration: configuration, data: TrainingFixture.data(), team: team)
      try trainer.step()
      // What a type needs is made when it is first met, on whichever of this process's threads, and
      // that may be now: once. What steps ask for, they ask for in all three rounds.
      var fewest = Int.max
      for _ in 0..<3 where fewest > 0 {
        fewest = min(fewest, try requests(of: trainer, team: team, steps: 4))
      }
      #expect(fewest == 0)
    }
  }

  @Test func `what is asked for is counted`() {
    allocation_count_begin(Self.bytes)
    let small = [UInt8](repeating: 1, count: Self.bytes / 2)
    let large = [UInt8](repeating: 1, count: Self.bytes)
    let mapped = AlignedBuffer<UInt8>(count: 2 << 20)
    #expect(allocation_count_end() == 2)
    #expect(small.count < large.count && large.count < mapped.count)
  }
}
