import Kernels
import Testing

@testable import Distillation

struct HalfRoundingTests {
  private func rounded(_ values: [Float]) -> [Float] {
    var values = values
    values.withUnsafeMutableBufferPointer { roundToHalf($0, team: ComputeTeam(threadCount: 2)) }
    return values
  }

  @Test func `rounds as the conversion to half precision and back`() {
    var values: [Float] = []
    for pattern in 0..<UInt16.max {
      let half = Float(Float16(bitPattern: pattern))
      // The half itself, what lies around it, and what lies around the middle to the next.
      let next = Float(Float16(bitPattern: pattern &+ 1))
      values += [half, half.nextUp, half.nextDown]
      let middle = (half + next) / 2
      values += [middle, middle.nextUp, middle.nextDown]
    }
    for (value, result) in zip(values, rounded(values)) {
      let expected = Float(Float16(value))
      if result.bitPattern != expected.bitPattern, !(result.isNaN && expected.isNaN) {
        Issue.record("\(value) becomes \(result), expected \(expected)")
        return
      }
    }
  }

  @Test func `what is beyond the range becomes infinite`() {
    #expect(
      rounded([65519, 65520, -70000, .infinity]) == [65504, .infinity, -.infinity, .infinity])
  }
}
