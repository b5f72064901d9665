internal import Foundation
internal import Kernels
internal import Transformer

/// Decides what runs in each step, and tells receivers what came of it. Used by one thread.
final class GenerationScheduler {
  // A step with a long piece of a prompt in it keeps everybody who decodes waiting.
  private static let chunkBesideDecoding = 64

  private let limits: GenerationLimits
  private let session: InferenceSession
  private let space: SamplingSpace
  /// Positions of the longest sequence.
  private let positionLimit: Int
  private var waiting: [Submission] = []
  /// By sequence of the session.
  private var running: [GenerationSequence?]
  private(set) var load = GenerationLoad()

  init(
    model: InferenceModel, limits: GenerationLimits, team: ComputeTeam,
    instructionSet: InstructionSet
  ) {
    self.limits = limits
    session = InferenceSession(
      model: model, maximumSequences: limits.maximumSequences,
      maximumLength: limits.maximumContext, cachePositions: limits.cachePositions,
      cachePrecision: limits.cachePrecision, sharesBeginnings: true, team: team,
      instructionSet: instructionSet)
    positionLimit = limits.longestSequence
    space = SamplingSpace(
      vocabulary: model.configuration.vocabSize, instructionSet: instructionSet)
    running = Array(repeating: nil, count: limits.maximumSequences)
  }

  var isBusy: Bool { !waiting.isEmpty || running.contains { $0 != nil } }

  /// Notes new requests and ends those that nobody wants any more.
  func take(_ news: GenerationInbox.News) {
    waiting += news.submissions
    if news.cancelled.isEmpty && !news.cancelsAll { return }
    func isUnwanted(_ submission: Submission) -> Bool {
      news.cancelsAll || news.cancelled.contains(submission.handle)
    }
    for submission in waiting where isUnwanted(submission) {
      var usage = GenerationUsage()
      usage.promptTokens = submission.request.tokens.count
      _ = submission.receiver(.finished(.cancelled, usage))
    }
    waiting.removeAll(where: isUnwanted)
    for slot in running.indices {
      guard let sequence = running[slot], isUnwanted(sequence.submission) else { continue }
      end(slot, .finished(.cancelled, sequence.usage()))
    }
  }

  /// One pass through the model for everybody who runs.
  func step() {
    admit()
    scorePrompts()
    let parts = nextParts()
    if !parts.isEmpty {
      // Requests were checked when they came, and there is a place for all that was admitted.
      guard let logits = try? session.prefill(parts) else {
        preconditionFailure("a checked request was refused")
      }
      for (index, part) in parts.enumerated() {
        advance(part.sequence, by: part.tokens.count, logits + index * space.vocabulary)
      }
    }
    load.running = running.count { $0 != nil }
    load.queued = waiting.count
    load.usedPositions = session.cachePositions.held
  }

  // MARK: - What runs

  /// Gives free places to those who wait, first come, first served. A sequence gets all the memory
  /// that it may come to need, so that none has to stop half-way.
  private func admit() {
    for slot in running.indices where running[slot] == nil {
      guard let submission = waiting.first else { return }
      let request = submission.request
      // Log-probabilities of a prompt need all of it to run.
      let reused: Int
      if request.wantsPromptLogprobs {
        session.reset(slot)
        reused = 0
      } else {
        reused = session.begin(request.tokens, sequence: slot)
      }
      // The last token of an answer takes no position.
      let answer = max(0, min(request.maximumNewTokens, positionLimit) - 1)
      let longest = min(positionLimit, request.tokens.count + answer)
      guard session.reserve(longest, sequence: slot) else {
        session.reset(slot)
        return
      }
      waiting.removeFirst()
      running[slot] = GenerationSequence(
        submission, context: positionLimit, reused: reused, startedAt: now())
    }
  }

  /// Every decoding sequence's last token, and of the prompts what the step has room for, in equal
  /// shares, the rest to the oldest.
  private func nextParts() -> [(sequence: Int, tokens: [Int32])] {
    var parts: [(sequence: Int, tokens: [Int32])] = []
    var reading: [Int] = []
    for (slot, sequence) in running.enumerated() {
      guard let sequence else { continue }
      if let token = sequence.lastToken {
        parts.append((slot, [token]))
      } else {
        reading.append(slot)
      }
    }
    reading.sort { running[$0]!.submission.handle.number < running[$1]!.submission.handle.number }
    var room =
      parts.isEmpty
      ? limits.prefillChunk : min(limits.prefillChunk, Self.chunkBesideDecoding)
    let share = max(1, room / max(1, reading.count))
    var lengths = reading.map { min(running[$0]!.unread, share) }
    room -= lengths.reduce(0, +)
    for (index, slot) in reading.enumerated() where room > 0 {
      let more = min(room, running[slot]!.unread - lengths[index])
      lengths[index] += more
      room -= more
    }
    for (slot, length) in zip(reading, lengths) {
      parts.append((slot, Array(running[slot]!.unreadTokens.prefix(length))))
    }
    return parts
  }

  /// Prompts whose own log-probabilities are wanted are read alone, because every row needs logits.
  private func scorePrompts() {
    for slot in running.indices {
      guard let sequence = running[slot], sequence.submission.request.wantsPromptLogprobs,
        sequence.unread > 0
      else { continue }
      let prompt = sequence.submission.request.tokens
      let top = sequence.submission.request.topLogprobs ?? 0
      var places: [TokenLogprobs?] = [nil]
      var failure: GenerationFailure?
      var last: [Float] = []
      let vocabulary = space.vocabulary
      func note(_ positions: Range<Int>, _ logits: UnsafePointer<Float>) {
        for position in positions where failure == nil {
          let row = logits + (position - positions.lowerBound) * vocabulary
          guard position + 1 < prompt.count else {
            last = Array(UnsafeBufferPointer(start: row, count: vocabulary))
            continue
          }
          do throws(GenerationFailure) {
            places.append(try space.logprobs(row, token: prompt[position + 1], top: top))
          } catch { failure = error }
        }
      }
      guard (try? session.score(prompt, sequence: slot, note)) != nil else {
        preconditionFailure("a checked request was refused")
      }
      if let failure {
        end(slot, .failed(failure))
        continue
      }
      _ = sequence.submission.receiver(.prompt(places))
      advance(slot, by: prompt.count, last)
    }
  }

  // MARK: - What came of it

  /// Takes note of tokens that ran, and draws the next when they were the last that there are.
  private func advance(_ slot: Int, by count: Int, _ logits: UnsafePointer<Float>) {
    guard let sequence = running[slot] else { return }
    if sequence.unread > 0 { load.promptTokens += count }
    guard sequence.read(count) else { return }
    do throws(GenerationFailure) {
      switch try sequence.next(logits, space: space, at: now()) {
      case .more:
        load.answerTokens += 1
      case .end(let finish):
        end(slot, .finished(finish, sequence.usage()))
      }
    } catch {
      end(slot, .failed(error))
    }
  }

  private func end(_ slot: Int, _ event: GenerationEvent) {
    guard let sequence = running[slot] else { return }
    running[slot] = nil
    session.reset(slot)
    _ = sequence.submission.receiver(event)
  }

  private func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}
