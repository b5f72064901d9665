internal import Foundation
internal import HostedTeachers
internal import JobAPI
internal import Jobs

/// Answers questions about hosted teachers.
struct TeacherDesk {
  /// The daemon's environment variables.
  let environment: [String: String]

  /// The providers, as far as they are known.
  var providers: [TeacherProviderFacts] {
    HostedProvider.allCases.map { provider in
      TeacherProviderFacts(
        name: provider.rawValue, baseURL: provider.baseURL, keyVariable: provider.keyVariable,
        isKeySet: provider.keyVariable.map { environment[$0]?.isEmpty == false } ?? false,
        topLogprobsMax: provider.topLogprobsMax, remark: provider.remark)
    }
  }

  /// Tries a teacher.
  func probe(_ request: TeacherProbeRequest) throws -> TeacherProbeAnswer {
    do {
      guard let endpoint = try request.teacher.endpoint() else {
        preconditionFailure("local teachers are not probed")
      }
      let probe = TeacherProbe(endpoint, key: try endpoint.key(in: environment))
      let found = try probe.run(topK: request.topK)
      var question = HostedQuestion()
      question.topK = request.topK
      return TeacherProbeAnswer(
        capabilities: try JSONValue(encoding: found), refusal: found.refusal(of: question),
        models: probe.models())
    } catch let error as HostedTeacherError {
      throw ProblemKind.teacherFailed.problem("\(error)")
    }
  }
}
