internal import Foundation

/// Where and as whom a hosted teacher is asked. It names the variable of the key, never the key.
package struct HostedEndpoint: Equatable, Sendable {
  package let provider: HostedProvider
  /// Without a slash at its end.
  package let baseURL: String
  /// As the provider calls it.
  package let model: String
  package let api: HostedProvider.API
  /// The environment variable that holds the key; nil sends none.
  package let keyVariable: String?

  /// Checks what a user says and fills in what the provider is known for.
  ///
  /// A key goes to its owner only: a provider's customary variable is bound to the provider's host,
  /// and a key does not travel unencrypted to another machine.
  ///
  /// - Parameters:
  ///   - baseURL: nil is the provider's.
  ///   - keyVariable: nil is the provider's customary one, if it has one.
  package init(
    provider: HostedProvider, model: String, baseURL: String? = nil,
    api: HostedProvider.API = .chat, keyVariable: String? = nil
  ) throws(HostedTeacherError) {
    guard let text = baseURL ?? provider.baseURL else {
      throw .badEndpoint("base_url is needed for provider \"\(provider.rawValue)\"")
    }
    guard let url = URL(string: text), let host = url.host(), !host.isEmpty,
      url.scheme == "http" || url.scheme == "https", url.query() == nil, url.fragment() == nil
    else { throw .badEndpoint("base_url must be http://HOST/… or https://HOST/…") }
    guard url.user() == nil, url.password() == nil else {
      throw .badEndpoint("base_url must not hold a user or password; name a key variable instead")
    }
    let variable = keyVariable ?? provider.keyVariable
    if let variable {
      guard Self.isKeyVariable(variable) else {
        throw .badEndpoint(
          "api_key_env must be the name of an environment variable that ends in _API_KEY")
      }
      let owner = HostedProvider.owning(keyVariable: variable)
      let home = owner?.baseURL.flatMap { URL(string: $0)?.host() }
      guard home == nil || home == host else {
        throw .badEndpoint("\(variable) is sent to \(home ?? "") only, not to \(host)")
      }
      guard url.scheme == "https" || Self.isPrivate(host) else {
        throw .badEndpoint("a key is sent to \(host) by https:// only")
      }
    }
    self.provider = provider
    self.baseURL = text.hasSuffix("/") ? String(text.dropLast()) : text
    self.model = model
    self.api = api
    self.keyVariable = variable
  }

  /// The address of the route that is asked.
  package var url: String {
    baseURL + (api == .chat ? "/chat/completions" : "/completions")
  }

  /// The address of the list of models.
  package var modelsURL: String {
    provider == .bitnet ? baseURL + "/openai/models" : baseURL + "/models"
  }

  /// The key, from the environment.
  ///
  /// - Throws: when the variable is not set.
  package func key(in environment: [String: String]) throws(HostedTeacherError) -> String? {
    guard let keyVariable else { return nil }
    let key = environment[keyVariable]?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard !key.isEmpty else { throw .noKey(variable: keyVariable) }
    return key
  }

  private static func isKeyVariable(_ name: String) -> Bool {
    name.hasSuffix("_API_KEY") && name.utf8.count <= 100
      && name.utf8.allSatisfy { 65...90 ~= $0 || 48...57 ~= $0 || $0 == 95 }
  }

  /// This machine, and addresses that are not routed on the internet.
  private static func isPrivate(_ host: String) -> Bool {
    let parts = host.split(separator: ".").compactMap { UInt8($0) }
    if parts.count == 4 {
      return parts[0] == 127 || parts[0] == 10 || (parts[0] == 192 && parts[1] == 168)
        || (parts[0] == 172 && 16...31 ~= parts[1])
    }
    return host == "localhost" || host == "::1" || host == "[::1]" || !host.contains(".")
  }
}
