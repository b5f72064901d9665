/// A teacher in this process, as the head loss sees it: hidden states of the batch, and what turns rows
/// of them into logits, a chunk at a time.
package struct DenseTeacher {
  /// `[B·T, d_t]`, final-normed, of the positions that the student's hidden state has.
  package let hidden: UnsafePointer<Float>
  /// d_t.
  package let width: Int
  /// Writes the logits `[count, V]` of `rows`, `[count, d_t]`.
  package let logits:
    (_ rows: UnsafePointer<Float>, _ count: Int, _ into: UnsafeMutablePointer<Float>) -> Void

  /// - Parameters: as the properties.
  package init(
    hidden: UnsafePointer<Float>, width: Int,
    logits:
      @escaping (
        _ rows: UnsafePointer<Float>, _ count: Int, _ into: UnsafeMutablePointer<Float>
      ) -> Void
  ) {
    self.hidden = hidden
    self.width = width
    self.logits = logits
  }
}
