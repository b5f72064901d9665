import TestSupport

extension SplitMix64 {
  /// `count` values in -1 ..< 1.
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1..<1, using: &self) }
  }

  /// `count` codes in `range`.
  mutating func codes(_ count: Int, in range: ClosedRange<Int8> = -128...127) -> [Int8] {
    (0..<count).map { _ in Int8.random(in: range, using: &self) }
  }
}
