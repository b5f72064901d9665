internal import Checkpoints

/// Why a hosted teacher cannot be used, or no longer. What was stored by then stays.
package enum HostedTeacherError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the user said about it is impossible.
  case badEndpoint(String)
  /// The environment variable of the key is not set.
  case noKey(variable: String)
  /// 401 or 403; nil where no key was sent.
  case keyRefused(variable: String?, status: Int)
  /// 402, or a 429 that says that the account is empty.
  case outOfCredit(String)
  /// 404: no such model or route, with the models that there are.
  case notFound(url: String, model: String, models: [String])
  /// The provider refuses every request, with its words.
  case refused(String)
  /// The provider does not give what is asked for.
  case incapable(String)
  /// No usable reply for a long time. Safe to try again later.
  case unavailable(String)
  /// What was collected in this folder belongs to other prompts or another teacher.
  case otherCollection(String)
  /// The journal or the captures cannot be written or read.
  case storage(String)

  package var description: String {
    switch self {
    case .badEndpoint(let reason): reason
    case .noKey(let variable):
      "the environment variable \(variable) is not set where bitnetd runs: set it to your key "
        + "and start bitnetd again"
    case .keyRefused(let variable?, let status):
      "the key in \(variable) was refused (\(status)): check that it is right, not expired, and "
        + "allowed to use this model"
    case .keyRefused(nil, let status):
      "the server asks for a key (\(status)): name its environment variable in api_key_env"
    case .outOfCredit(let reason): "the account has no credit left: \(reason)"
    case .notFound(let url, let model, let models) where models.isEmpty:
      "\(url) knows no model \"\(model)\", or base_url is wrong (it usually ends in /v1)"
    case .notFound(let url, let model, let models):
      "\(url) knows no model \"\(model)\"; it has \(models.joined(separator: ", "))"
    case .refused(let reason): "the provider refuses the requests: \(reason)"
    case .incapable(let reason): reason
    case .unavailable(let reason): "the teacher has not answered for a long time: \(reason)"
    case .otherCollection(let reason): reason
    case .storage(let reason): reason
    }
  }

  /// A failure of the disk.
  init(_ error: FileError) { self = .storage("\(error)") }
}
