/// The name a user probably meant.
///
/// - Parameters:
///   - wrong: what was written.
///   - names: what is known.
/// - Returns: the known name with the fewest edits, when a third of its letters or fewer differ.
func nearestName(to wrong: String, among names: [String]) -> String? {
  // A name of a megabyte is no typing error, and the distance is quadratic.
  guard wrong.utf8.count <= 64 else { return nil }
  let candidates = names.map { (name: $0, distance: editDistance(wrong, $0)) }
  guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, best.name.count / 3) ? best.name : nil
}

/// The number of insertions, removals and replacements that turn one text into the other.
private func editDistance(_ first: String, _ second: String) -> Int {
  let first = Array(first.utf8)
  let second = Array(second.utf8)
  var previous = Array(0...second.count)
  for (row, letter) in first.enumerated() {
    var current = [row + 1]
    for (column, other) in second.enumerated() {
      let replaced = previous[column] + (letter == other ? 0 : 1)
      current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
    }
    previous = current
  }
  return previous[second.count]
}
