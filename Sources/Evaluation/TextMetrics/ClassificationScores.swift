/// How often a classifier is right, class by class.
package struct ClassificationScores: Equatable, Sendable {
  /// `[classes, classes]`: examples of the class of the row that were given the class of the
  /// column.
  package private(set) var confusion: [[Int]]
  /// Examples whose answer named no class; each counts as wrong.
  package private(set) var unanswered = 0

  /// Nothing counted yet.
  package init(classes: Int) {
    confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    missed = Array(repeating: 0, count: classes)
  }

  /// `[classes]`: examples of each class without an answer.
  private var missed: [Int]

  /// Counts one example.
  ///
  /// - Parameter predicted: the class that was given; nil when the answer named none.
  package mutating func add(expected: Int, predicted: Int?) {
    guard let predicted else {
      unanswered += 1
      missed[expected] += 1
      return
    }
    confusion[expected][predicted] += 1
  }

  /// Examples that were counted.
  package var count: Int { confusion.joined().reduce(0, +) + unanswered }

  /// Share of examples that were given their class, 0 to 1; nil without any.
  package var accuracy: Double? {
    let right = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
    return count > 0 ? Double(right) / Double(count) : nil
  }

  /// Harmonic mean of precision and recall of one class, 0 to 1; 0 when it was never right.
  package func f1(of label: Int) -> Double {
    let right = confusion[label][label]
    let given = confusion.reduce(0) { $0 + $1[label] }
    let wanted = confusion[label].reduce(0, +) + missed[label]
    return given + wanted > 0 ? 2 * Double(right) / Double(given + wanted) : 0
  }

  /// Mean of all classes' F1, whatever their sizes; nil without an example.
  package var macroF1: Double? {
    guard count > 0 else { return nil }
    return confusion.indices.reduce(0) { $0 + f1(of: $1) } / Double(confusion.count)
  }

  /// Correlation of given and wanted classes, −1 to 1; 0 where either is always the same, nil
  /// without an example. An example without an answer counts as given a class of its own.
  ///
  /// Sources: Matthews 1975, "Comparison of the predicted and observed secondary structure of T4
  /// phage lysozyme"; for several classes Gorodkin 2004, "Comparing two K-category assignments by
  /// a K-category correlation coefficient", equation 8.
  package var matthews: Double? {
    guard count > 0 else { return nil }
    let total = Double(count)
    let right = confusion.indices.reduce(0.0) { $0 + Double(confusion[$1][$1]) }
    let wanted = confusion.indices.map { Double(confusion[$0].reduce(missed[$0], +)) }
    let given =
      confusion.indices.map { label in Double(confusion.reduce(0) { $0 + $1[label] }) }
      + [Double(unanswered)]
    let covariance = right * total - zip(wanted, given).reduce(0) { $0 + $1.0 * $1.1 }
    let spread = { (sums: [Double]) in total * total - sums.reduce(0) { $0 + $1 * $1 } }
    let scale = (spread(wanted) * spread(given)).squareRoot()
    return scale > 0 ? covariance / scale : 0
  }
}
