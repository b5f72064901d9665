// From a teacher's tokens to a student's (TRACES, "Projection to the student's tokenizer").
//
// Both tokenizations cover the same bytes. At a student token that begins where a teacher token does,
// the teacher's mass is spread over student tokens:
//
//   - a candidate that is not what the text goes on with maps by `exact`, else by `first_subtoken`;
//   - the candidate that the text does go on with is known further: where the student's token reaches
//     beyond it, the teacher's next distribution says how its mass splits, and so on until the
//     student's token ends (`realised_span`). What leaves the actual text on that way maps as above,
//     with the bytes that lead to it;
//   - what the teacher did not list, and what maps to nothing, is Other.
//
// So mass is neither lost nor made, and at each position the result is the sum over the branches of
// the teacher's tree that the capture knows.

import Foundation
package import Tokenization
package import Traces

/// Brings captures to one student's tokens.
package struct TokenProjection: Sendable {
  /// Which rules apply.
  package enum Method: String, Codable, CaseIterable, Sendable {
    /// `exact`, `first_subtoken`, `realised_span`, in the text's context.
    case contextual
    /// The published rule, for comparisons: each candidate is encoded by itself and becomes its first
    /// token, so that many become one.
    case legacyFirstSubtoken = "legacy_first_subtoken"
  }

  let student: Tokenizer
  let method: Method
  let topK: Int
  /// The teacher's token that ends a text.
  let teacherEnd: Int32?
  private let exact: [[UInt8]: Int32]
  private let structural: [Bool]

  /// Longest chain of teacher tokens that one student token is followed over.
  private static let depthLimit = 32

  /// - Parameters:
  ///   - topK: candidates a row at most; the mass of further ones joins Other.
  ///   - teacherEnd: the teacher's id of the token that ends a text, which becomes the student's.
  package init(
    to student: Tokenizer, method: Method = .contextual, topK: Int, teacherEnd: Int32? = nil
  ) {
    precondition(topK > 0, "a row needs room for a candidate")
    self.student = student
    self.method = method
    self.topK = topK
    self.teacherEnd = teacherEnd
    let added = student.addedTokenIDs
    var exact: [[UInt8]: Int32] = [:]
    for id in 0..<Int32(student.vocabularySize) where !added.contains(id) {
      let bytes = Array(student.bytes(of: id))
      guard !bytes.isEmpty else { continue }
      // Where two tokens have the same bytes (byte fallback), a text gets the later one.
      exact[bytes] = id
    }
    self.exact = exact
    structural = StructuralTokens.table(of: student)
  }

  /// The capture as rows of the student's tokens: the prompt's, then the answer's, each encoded for
  /// itself, then the end of text where the teacher ended.
  ///
  /// - Parameters:
  ///   - endsText: whether the end of text follows the answer.
  ///   - trainsOnPrompt: whether the prompt's tokens count in the loss, too.
  /// - Returns: nil when prompt and answer have no token.
  package func project(
    _ capture: Capture, endsText: Bool, trainsOnPrompt: Bool, coverage: inout ProjectionCoverage
  ) -> TraceSequence? {
    var draft = ProjectedRows(topK: topK)
    let (prompt, answer) = capture.segments(coverage: &coverage)
    append(prompt, of: capture.tokens, isTarget: trainsOnPrompt, to: &draft, &coverage)
    append(answer, of: capture.tokens, isTarget: true, to: &draft, &coverage)
    if endsText, let end = student.endOfText {
      appendEnd(end, behind: answer, of: capture.tokens, to: &draft, &coverage)
    }
    return draft.sequence(id: capture.id, structural: structural)
  }

  // MARK: - Rows

  private func append(
    _ segment: CaptureSegment, of tokens: CapturedTokens, isTarget: Bool,
    to draft: inout ProjectedRows, _ coverage: inout ProjectionCoverage
  ) {
    let encoded = student.encodeWithOffsets(segment.text)
    let bytes = Array(segment.text.utf8)
    var context = ContextEncoder(tokenizer: student, text: bytes, tokens: encoded)
    for (index, token) in encoded.enumerated() {
      draft.append(token.id, isTarget: isTarget)
      guard let place = segment.tokenStarting[token.bytes.lowerBound] else {
        if !segment.tokenStarting.isEmpty { coverage.addRowInsideToken() }
        continue
      }
      guard !tokens.candidates(of: place).isEmpty else { continue }
      var spread = Spread()
      switch method {
      case .contextual:
        context.move(to: index)
        spreadMass(
          1, at: place, of: tokens, behind: [], depth: 0,
          target: Target(token: token.id, bytes: bytes[token.bytes], segment: segment),
          context: context, into: &spread)
      case .legacyFirstSubtoken:
        spreadAlone(at: place, of: tokens, into: &spread, &coverage)
      }
      draft.setSignal(spread)
      coverage.add(spread)
    }
  }

  private func appendEnd(
    _ end: Int32, behind segment: CaptureSegment, of tokens: CapturedTokens,
    to draft: inout ProjectedRows, _ coverage: inout ProjectionCoverage
  ) {
    draft.append(end, isTarget: true)
    guard let place = segment.endToken, !tokens.candidates(of: place).isEmpty else { return }
    var spread = Spread()
    switch method {
    case .contextual:
      let empty = ContextEncoder(tokenizer: student, text: [], tokens: [])
      spreadMass(
        1, at: place, of: tokens, behind: [], depth: 0,
        target: Target(token: end, bytes: [], segment: segment), context: empty, into: &spread)
    case .legacyFirstSubtoken:
      spreadAlone(at: place, of: tokens, into: &spread, &coverage)
    }
    draft.setSignal(spread)
    coverage.add(spread)
  }

  // MARK: - One row

  /// The student token that the text really has.
  private struct Target {
    let token: Int32
    let bytes: ArraySlice<UInt8>
    let segment: CaptureSegment
  }

  /// Spreads `mass`, with which the teacher came to token `place` over `prefix`.
  ///
  /// - Parameter prefix: bytes of the text from the student token's start to the teacher token's.
  private func spreadMass(
    _ mass: Double, at place: Int, of tokens: CapturedTokens, behind prefix: [UInt8], depth: Int,
    target: Target, context: ContextEncoder, into spread: inout Spread
  ) {
    let actual = tokens.bytes(of: place)
    var isActualListed = false
    var rest = mass
    func follow(_ share: Double) {
      let reach = prefix.count + actual.count
      let next = place + 1
      if reach >= target.bytes.count {
        let isExact = depth == 0 && reach == target.bytes.count
        spread.add(
          share, on: target.token,
          by: depth > 0 ? .realisedSpan : isExact ? .exact : .firstSubtoken)
      } else if depth < Self.depthLimit, target.segment.tokens.contains(next),
        !tokens.candidates(of: next).isEmpty
      {
        spreadMass(
          share, at: next, of: tokens, behind: prefix + actual, depth: depth + 1, target: target,
          context: context, into: &spread)
      } else {
        map(share, prefix + actual, context, into: &spread)
      }
    }
    for candidate in tokens.candidates(of: place) {
      guard let probability = tokens.probability(ofCandidate: candidate) else { continue }
      let share = mass * probability
      rest -= share
      if !isActualListed, tokens.isActual(candidate, at: place) {
        isActualListed = true
        follow(share)
      } else if let teacherEnd, tokens.candidateIDs[candidate] == teacherEnd {
        // The text ends here; behind a prefix that is an event of its own, which no token is.
        if prefix.isEmpty, let end = student.endOfText {
          spread.add(share, on: end, by: .exact)
        } else {
          map(share, prefix, context, into: &spread)
        }
      } else {
        let bytes = tokens.candidateBytes(of: candidate)
        if bytes.isEmpty {
          map(share, prefix, context, into: &spread)
        } else {
          map(share, prefix + bytes, context, into: &spread)
        }
      }
    }
    // The sampled token's own value is known even where it is none of the largest.
    if !isActualListed, let probability = tokens.probability(of: place),
      mass * probability <= rest
    {
      rest -= mass * probability
      follow(mass * probability)
    }
    // What was not listed begins with the prefix; at the row's start nothing is known of it.
    if depth == 0 {
      spread.addUnlisted(max(0, rest))
    } else {
      map(max(0, rest), prefix, context, into: &spread)
    }
  }

  private func map(
    _ mass: Double, _ bytes: [UInt8], _ context: ContextEncoder, into spread: inout Spread
  ) {
    guard mass > 0 else { return }
    if let token = exact[bytes] {
      spread.add(mass, on: token, by: .exact)
    } else if !bytes.isEmpty, let token = context.token(before: bytes) {
      spread.add(mass, on: token, by: .firstSubtoken)
    } else {
      spread.addUnmapped(mass)
    }
  }

  private func spreadAlone(
    at place: Int, of tokens: CapturedTokens, into spread: inout Spread,
    _ coverage: inout ProjectionCoverage
  ) {
    var rest = 1.0
    for candidate in tokens.candidates(of: place) {
      guard let probability = tokens.probability(ofCandidate: candidate) else { continue }
      rest -= probability
      let bytes = Array(tokens.candidateBytes(of: candidate))
      guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self),
        let token = student.encode(text).first
      else {
        spread.addUnmapped(probability)
        continue
      }
      spread.add(probability, on: token, by: .legacyFirstSubtoken)
      coverage.addLegacy(bytes, on: token)
    }
    spread.addUnlisted(max(0, rest))
  }
}

extension ProjectionCoverage {
  /// Counts one row.
  mutating func add(_ spread: Spread) {
    addRow()
    for (rule, mass) in spread.massByRule { add(mass, by: rule) }
  }
}
