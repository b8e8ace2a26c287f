using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>A job that can be begun: the one object that is made for it, of which all the rest comes by itself.</summary>
/// <param name="Source">For people.</param>
/// <param name="Collection">The path where the object is made.</param>
/// <param name="Manifest">With name and namespace.</param>
/// <param name="Words">What happens now, for people.</param>
internal sealed record JobPlan(string Kind, string ObjectKind, string Namespace, string Name, string Source, string Collection, JsonObject Manifest, string Words);
