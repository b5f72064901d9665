import Foundation
import Kernels
import TestSupport
import Testing

@testable import Teachers

struct TopCandidatesTests {
  private let team = ComputeTeam(threadCount: 2)

  private func select(
    _ rows: [[Float]], count: Int, instructionSet: InstructionSet, team: ComputeTeam? = nil
  ) -> TopCandidates {
    let logits = AlignedBuffer<Float>(count: rows.count * rows[0].count)
    for (index, value) in rows.joined().enumerated() { logits[index] = value }
    return TopCandidates(
      of: logits.pointer, rows: rows.count, vocabularySize: rows[0].count, count: count,
      team: team ?? self.team, instructionSet: instructionSet)
  }

  /// Indices by falling value, equal ones by rising index; log-sum-exp in double precision.
  private func reference(
    _ row: [Float], count: Int
  ) -> (ids: [Int32], logs: [Double], other: Double) {
    let order = row.indices.sorted { (row[$1], $0) < (row[$0], $1) }
    func logSumExp(_ indices: some Collection<Int>) -> Double {
      guard let largest = indices.map({ Double(row[$0]) }).max() else { return -.infinity }
      return largest + log(indices.reduce(0) { $0 + exp(Double(row[$1]) - largest) })
    }
    let lse = logSumExp(order)
    return (
      order.prefix(count).map(Int32.init), order.prefix(count).map { Double(row[$0]) - lse },
      logSumExp(order.dropFirst(count)) - lse
    )
  }

  @Test(arguments: InstructionSet.available)
  func `ids, logs and the mass of the others are those of a full sort`(
    instructionSet: InstructionSet
  ) {
    var random = SplitMix64(seed: 3)
    // Around blocks of 64 and vectors of 16, and one that is longer than all of them.
    for size in [1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 130, 1000] {
      for count in Set([1, 2, min(20, size), size]) where count <= size {
        let rows = (0..<3).map { _ in
          (0..<size).map { _ in Float.random(in: -12...12, using: &random) }
        }
        let selected = select(rows, count: count, instructionSet: instructionSet)
        for (index, row) in rows.enumerated() {
          let (ids, logs, other) = reference(row, count: count)
          let place = (index * count)..<((index + 1) * count)
          #expect(Array(selected.ids[place]) == ids, "size \(size), count \(count)")
          // A float32 log of size up to 25 is rounded by 2e-6 of it at most; the sum of
          // exponentials adds 2e-7 relative per term.
          for (found, expected) in zip(selected.logprobs[place], logs) {
            #expect(abs(Double(found) - expected) < 3e-6, "size \(size), count \(count)")
          }
          if size == count {
            #expect(selected.otherLogprobs[index] == -.infinity)
          } else {
            #expect(abs(Double(selected.otherLogprobs[index]) - other) < 3e-6)
          }
          #expect(selected.isFinite[index])
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `equal logits are taken by rising id`(instructionSet: InstructionSet) {
    var row = [Float](repeating: 1, count: 200)
    row[150] = 2
    let selected = select([row], count: 4, instructionSet: instructionSet)
    #expect(selected.ids == [150, 0, 1, 2])
  }

  @Test(arguments: InstructionSet.available)
  func `a tiny mass of the others is not lost`(instructionSet: InstructionSet) {
    // 1 - p would give 0 here, and so its log would be minus infinity.
    var row = [Float](repeating: -60, count: 300)
    row[7] = 0
    let selected = select([row], count: 1, instructionSet: instructionSet)
    #expect(selected.logprobs == [0])
    #expect(abs(Double(selected.otherLogprobs[0]) - (log(299) - 60)) < 1e-5)
  }

  @Test(arguments: InstructionSet.available)
  func `logits that are not finite are told, wherever they are`(instructionSet: InstructionSet) {
    for bad in [Float.nan, .infinity, -.infinity] {
      for place in [0, 5, 63, 64, 128, 129] {
        var rows = [[Float]](repeating: (0..<130).map { Float($0 % 37) }, count: 3)
        rows[1][place] = bad
        let selected = select(rows, count: 5, instructionSet: instructionSet)
        #expect(selected.isFinite == [true, false, true], "\(bad) at \(place)")
      }
    }
  }

  @Test func `the bits do not depend on the number of threads`() {
    var random = SplitMix64(seed: 4)
    let rows = (0..<7).map { _ in
      (0..<333).map { _ in Float.random(in: -5...5, using: &random) }
    }
    let alone = select(
      rows, count: 20, instructionSet: .active, team: ComputeTeam(threadCount: 1))
    let together = select(
      rows, count: 20, instructionSet: .active, team: ComputeTeam(threadCount: 3))
    #expect(alone == together)
  }
}
