import Kernels
import Transformer

@testable import Distillation

/// Random vectors of one layer of two models of different widths, and the loss's and the reference's
/// answers to them.
struct RelationProblem {
  static let student = ModelConfiguration(
    vocabSize: 23, hiddenSize: 16, intermediateSize: 20, numHiddenLayers: 2, numAttentionHeads: 4,
    numKeyValueHeads: 2, headDim: 6)
  static let teacher = ModelConfiguration(
    vocabSize: 23, hiddenSize: 24, intermediateSize: 20, numHiddenLayers: 3, numAttentionHeads: 3,
    numKeyValueHeads: 3, headDim: 8)

  var options: AttentionRelationOptions
  /// Longer than a block of rows, one position, and in between.
  var lengths: [Int32]
  let length: Int
  /// Queries, keys, values.
  var studentVectors: [[Float]]
  var teacherVectors: [[Float]]
  let studentWidths: [Int]
  let teacherWidths: [Int]

  init(
    options: AttentionRelationOptions, lengths: [Int32] = [53, 1, 17], length: Int = 53,
    equalModels: Bool = false, seed: UInt64
  ) {
    self.options = options
    self.options.layers = [1]
    self.lengths = lengths
    self.length = length
    let (student, teacher) = (Self.student, equalModels ? Self.student : Self.teacher)
    studentWidths = [student.queryWidth, student.keyValueWidth, student.keyValueWidth]
    teacherWidths = [teacher.queryWidth, teacher.keyValueWidth, teacher.keyValueWidth]
    var random = SplitMix64(seed: seed)
    func vectors(_ width: Int) -> [Float] {
      (0..<(lengths.count * length * width)).map { _ in Float.random(in: -1.5...1.5, using: &random)
      }
    }
    studentVectors = studentWidths.map(vectors)
    teacherVectors = equalModels ? studentVectors : teacherWidths.map(vectors)
  }

  struct Answer: Equatable {
    var sums: AttentionRelationSums
    /// By queries, keys and values.
    var gradients: [[Float]]
  }

  /// - Parameter before: what the gradients hold already.
  func answer(
    weight: Float, threads: Int = 1, instructionSet: InstructionSet = .active, before: Float = 0
  ) throws -> Answer {
    let isEqual = studentWidths == teacherWidths
    let loss = try AttentionRelationLoss(
      student: Self.student, teacher: isEqual ? Self.student : Self.teacher, options: options,
      maximumRows: lengths.count * length, maximumLength: length,
      team: ComputeTeam(threadCount: threads), instructionSet: instructionSet)
    let teacherLayer = loss.teacherLayers[0]
    withVectors(teacherVectors, teacherWidths) { vectors in
      for layer in 0..<3 where layer != teacherLayer {
        // Another layer, with other numbers, must not be taken for it.
        loss.keepTeacher(
          layer: layer,
          vectors: AttentionVectors(
            queries: vectors.queries, keys: vectors.values, values: vectors.keys,
            queryWidth: vectors.queryWidth, keyValueWidth: vectors.keyValueWidth),
          lengths: lengths, length: length)
      }
      loss.keepTeacher(layer: teacherLayer, vectors: vectors, lengths: lengths, length: length)
    }
    let gradients = studentVectors.map { vectors in
      let buffer = AlignedBuffer<Float>(count: vectors.count)
      buffer.pointer.update(repeating: before, count: vectors.count)
      return buffer
    }
    let sums = withVectors(studentVectors, studentWidths) { vectors in
      var sums = AttentionRelationSums()
      for layer in 0..<2 {
        sums += loss.add(
          layer: layer, vectors: vectors,
          gradients: AttentionGradients(
            dqueries: gradients[0].pointer, dkeys: gradients[1].pointer,
            dvalues: gradients[2].pointer), lengths: lengths, length: length, weight: weight)
      }
      return sums
    }
    return Answer(
      sums: sums,
      gradients: zip(gradients, studentVectors).map { buffer, vectors in
        Array(UnsafeBufferPointer(start: buffer.pointer, count: vectors.count))
      })
  }

  /// The reference's sum of divergences of queries (0), keys (1) or values (2).
  func reference(_ kind: Int, heads: Int = 4) -> Double {
    ReferenceRelation(
      options: options, heads: options.heads ?? heads, lengths: lengths.map(Int.init),
      length: length
    ).divergence(
      student: studentVectors[kind].map(Double.init), studentWidth: studentWidths[kind],
      teacher: teacherVectors[kind].map(Double.init), teacherWidth: teacherWidths[kind])
  }

  /// The derivative of the reference's sum by one number of the student's.
  mutating func centralDifference(_ kind: Int, element: Int) -> Double {
    let step: Float = 1.0 / 8192
    let saved = studentVectors[kind][element]
    studentVectors[kind][element] = saved + step
    let high = reference(kind)
    studentVectors[kind][element] = saved - step
    let low = reference(kind)
    studentVectors[kind][element] = saved
    return (high - low) / (Double(saved + step) - Double(saved - step))
  }

  private func withVectors<Result>(
    _ arrays: [[Float]], _ widths: [Int], _ body: (AttentionVectors) -> Result
  ) -> Result {
    arrays[0].withUnsafeBufferPointer { queries in
      arrays[1].withUnsafeBufferPointer { keys in
        arrays[2].withUnsafeBufferPointer { values in
          body(
            AttentionVectors(
              queries: queries.baseAddress!, keys: keys.baseAddress!,
              values: values.baseAddress!, queryWidth: widths[0], keyValueWidth: widths[1]))
        }
      }
    }
  }
}
