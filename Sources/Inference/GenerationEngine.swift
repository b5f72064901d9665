// Answers of many requests from one model, on one thread.
//
// Every step of the thread takes one token of each sequence that decodes and a share of the prompts
// that are still being read, through the model together, so that the weights are read once for all
// of them (continuous batching; Yu et al. 2022, "Orca"). A request that arrives joins at the next
// step; requests that find no place wait in the order in which they came.
//
//   - `submit`, `cancel` and `drain` may be called from any thread, also from an event's receiver.
//   - Events of a request come in order, on the engine's thread. A receiver that blocks, blocks
//     every other answer.
//   - What a request computes does not depend on what runs beside it, but for rounding.

internal import Foundation
package import Kernels
internal import Synchronization
internal import Transformer

/// Which request of an engine is meant.
package struct GenerationHandle: Hashable, Sendable {
  let number: UInt64
}

/// How busy an engine is.
package struct GenerationLoad: Equatable, Sendable {
  /// Requests that run, and that wait.
  package var running = 0
  package var queued = 0
  /// Positions of the cache that running sequences hold.
  package var usedPositions = 0
  /// Tokens read and written since the start.
  package var promptTokens = 0
  package var answerTokens = 0

  package init() {}
}

/// Runs requests over one model until it is drained.
package final class GenerationEngine: Sendable {
  /// Receives a request's events, on the engine's thread.
  package typealias Receiver = @Sendable (GenerationEvent) -> GenerationAppetite

  package let limits: GenerationLimits
  private let vocabularySize: Int
  private let inbox: GenerationInbox

  /// Starts the thread. The memory is what `SessionBytes` predicts; keys and values take it as they
  /// come.
  ///
  /// - Parameter limits: every number 1 or more, but for a queue of 0.
  package init(
    model: InferenceModel, limits: GenerationLimits = GenerationLimits(),
    team: ComputeTeam = .shared, instructionSet: InstructionSet = .active
  ) {
    self.limits = limits
    vocabularySize = model.configuration.vocabSize
    let inbox = GenerationInbox(
      queueLimit: limits.maximumQueue, places: limits.maximumSequences)
    self.inbox = inbox
    let thread = Thread {
      // Made here, because only this thread uses it.
      let scheduler = GenerationScheduler(
        model: model, limits: limits, team: team, instructionSet: instructionSet)
      while let news = inbox.wait(isBusy: scheduler.isBusy) {
        scheduler.take(news)
        scheduler.step()
        inbox.report(scheduler.load)
      }
    }
    thread.name = "generation"
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Ends every request as cancelled and lets the thread go.
  deinit { inbox.drain(cancelling: true) }

  /// Queues a request.
  ///
  /// - Parameter receiver: gets the request's events; `enough` as the answer to a token ends it.
  /// - Throws: why it is not taken; then no event comes.
  @discardableResult
  package func submit(
    _ request: GenerationRequest, receiver: @escaping Receiver
  ) throws(GenerationRefusal) -> GenerationHandle {
    try check(request)
    return try inbox.add(request, receiver: receiver)
  }

  /// Ends a request as `cancelled` at the next step. Nothing happens when it has ended.
  package func cancel(_ handle: GenerationHandle) { inbox.cancel(handle) }

  /// Takes no more requests, and returns when those that were taken have ended. Not to be called by
  /// a receiver.
  package func drain() {
    inbox.drain(cancelling: false)
    inbox.waitForEnd()
  }

  /// As `drain`, but requests end as cancelled.
  package func stop() {
    inbox.drain(cancelling: true)
    inbox.waitForEnd()
  }

  package var load: GenerationLoad { inbox.load }

  private func check(_ request: GenerationRequest) throws(GenerationRefusal) {
    guard !request.tokens.isEmpty else { throw .emptyPrompt }
    for token in request.tokens where token < 0 || Int(token) >= vocabularySize {
      throw .tokenOutOfRange(token: token, vocabularySize: vocabularySize)
    }
    // The last token of an answer takes no position, so a prompt may fill the context.
    let longest = limits.longestSequence
    guard request.tokens.count <= longest else {
      throw .promptTooLong(tokens: request.tokens.count, maximumContext: longest)
    }
    guard request.maximumNewTokens >= 0 else {
      throw .invalidOption(name: "max_tokens", expected: "0 or more")
    }
    let top = GenerationRequest.maximumTopLogprobs
    guard (0...top).contains(request.topLogprobs ?? 0) else {
      throw .invalidOption(name: "top_logprobs", expected: "0 to \(top)")
    }
    if let problem = request.sampling.firstProblem {
      throw .invalidOption(name: problem.option, expected: problem.expected)
    }
  }
}
