namespace KvmAgent.HostTests.Support;

/// <summary>Both ends of conversations in any protocol, as socat(1) addresses.</summary>
internal static class Socat
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Sends back what comes.</summary>
    public const string Echo = "PIPE";

    /// <summary>Says who calls.</summary>
    public const string WhoCalls = "SYSTEM:read line; echo $SOCAT_PEERADDR";

    /// <summary>Answers on an address such as <c>TCP4-LISTEN:80</c> until it is disposed of.</summary>
    public static async Task<Background> ServeAsync(NetworkNamespace place, string address, string answer, bool reuse = true)
    {
        var server = place.Start("socat", "-dd", reuse ? $"{address},fork,reuseaddr" : $"{address},fork", answer);
        await server.WaitForLineAsync(address.Contains("RECV", StringComparison.Ordinal) ? "receiving " : "listening on");
        return server;
    }

    /// <summary>Sends a line and gives the first line that comes back; nothing where nothing comes in five seconds.</summary>
    public static Task<string> AskAsync(NetworkNamespace place, string address, string question = "?") => AskAsync(place, address, question, Patience);

    /// <summary>Sends a line that is not to be answered. Who asks should also ask something that is, since this waits for one second only.</summary>
    public static Task<string> AskInVainAsync(NetworkNamespace place, string address) => AskAsync(place, address, "?", TimeSpan.FromSeconds(1));

    /// <summary>Says a word. It reads the question first: data left unread would turn the end of a connection into a reset.</summary>
    public static string Say(string word) => $"SYSTEM:read line; echo {word}";

    private static async Task<string> AskAsync(NetworkNamespace place, string address, string question, TimeSpan patience)
    {
        await using var client = place.Start("socat", "-", address);
        await client.Input.WriteLineAsync(question);
        await client.Input.FlushAsync();
        return await client.FirstOutputAsync(patience);
    }
}
