using System.Net;
using System.Text;
using KvmAgent.Images;
using KvmAgent.Import;
using KvmAgent.Tests.Support;
using KvmAgent.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Tests.Import;

/// <summary>What an importer does with an upload that comes in parts, breaks off or stands still.</summary>
public sealed class UploadReceiverTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly ManualTime _time = new();
    private readonly ReplicaDouble _one = new(), _other;
    private readonly UploadReceiver _receiver;

    public UploadReceiverTests()
    {
        _other = new ReplicaDouble("127.0.0.2", _one.Port);
        var link = Given.Settings(
            ("COORDINATOR_URL", $"http://localhost:{_one.Port}"), ("COORDINATOR_TOKEN_FILE", _directory.Write("token", "t\n")), ("POD_UID", "uid-1")).Link;
        IPAddress[] replicas = [IPAddress.Parse("127.0.0.1"), IPAddress.Parse("127.0.0.2")];
        _receiver = new UploadReceiver(
            new UploadOffers(link, (_, _) => Task.FromResult(replicas), _time, NullLogger<UploadOffers>.Instance), _time, NullLogger<UploadReceiver>.Instance);
    }

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_breaks_off_goes_on_at_any_replica()
    {
        var received = ReceiveAsync();
        using var unused = await _other.NextAsync();
        using (var first = await _one.NextAsync())
        {
            first.Has.ShouldBe(("0", null));
            await first.AnswerAsync(0, "0123", 10);
        }

        using var again = await _one.NextAsync();
        again.Has.ShouldBe(("4", "10"));
        using var elsewhere = await _other.NextAsync();
        elsewhere.Has.ShouldBe(("4", "10"));
        await elsewhere.AnswerAsync(4, "456789", 6);
        (await received).ShouldBe("0123456789");
    }

    [Fact]
    public async Task Parts_that_are_whole_are_put_together()
    {
        var received = ReceiveAsync();
        foreach (var (offset, text) in new[] { (0, "01234"), (5, "567"), (8, "89") })
        {
            using var asked = await _one.NextAsync();
            asked.Has.Offset.ShouldBe($"{offset}");
            await asked.AnswerAsync(offset, text, text.Length);
        }

        (await received).ShouldBe("0123456789");
        _one.More.ShouldBe(0);
    }

    [Fact]
    public async Task Silence_is_a_break_and_the_rest_is_not_waited_for_forever()
    {
        var received = ReceiveAsync();
        using var silent = await _one.NextAsync();
        await silent.AnswerAsync(0, "0123", 10);
        var next = _one.NextAsync();
        await _time.AdvanceUntilAsync(next);
        _time.GetUtcNow().ShouldBeGreaterThanOrEqualTo(DateTimeOffset.UnixEpoch + UploadReceiver.Silence);
        using var asked = await next;
        asked.Has.ShouldBe(("4", "10"));
        var since = _time.GetUtcNow();
        await _time.AdvanceUntilAsync(received);
        (await Should.ThrowAsync<IOException>(received)).Message.ShouldBe("there are 4 of 10 bytes, and nobody sent more for 5 minutes");
        (_time.GetUtcNow() - since).ShouldBeInRange(UploadReceiver.Patience - TimeSpan.FromSeconds(1), UploadReceiver.Patience + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Who_begins_anew_is_taken_from_the_beginning()
    {
        var received = ReceiveAsync();
        using (var first = await _one.NextAsync())
        {
            await first.AnswerAsync(0, "0123", 10);
        }

        using var anew = await _one.NextAsync();
        await anew.AnswerAsync(0, "another", 7, total: 7);
        (await Should.ThrowAsync<IOException>(received)).Message.ShouldContain("sent from its beginning again");
        (await ReceiveAsync()).ShouldBe("another");
        _one.More.ShouldBe(0);
    }

    [Fact]
    public async Task What_begins_elsewhere_is_not_taken()
    {
        var received = ReceiveAsync();
        using (var first = await _one.NextAsync())
        {
            await first.AnswerAsync(0, "0123", 10);
        }

        using var wrong = await _one.NextAsync();
        await wrong.AnswerAsync(3, "3456789", 7);
        var next = _one.NextAsync();
        await _time.AdvanceUntilAsync(next);
        using var right = await next;
        await right.AnswerAsync(4, "456789", 6);
        (await received).ShouldBe("0123456789");
    }

    private Task<string> ReceiveAsync() => _receiver.ReceiveAsync(TakeAsync, CancellationToken.None);

    private static async Task<string> TakeAsync(UploadedImage image)
    {
        var (text, buffer) = (new StringBuilder(), new byte[64]);
        while (await image.ReadAsync(buffer, CancellationToken.None) is > 0 and var count)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return text.ToString();
    }
}
