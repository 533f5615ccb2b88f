"""Whatever one person does with sessions and passwords, in any order: what never happens to them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.directory_world import DirectoryWorld

HOUR = 3600.0

steps = st.lists(
    st.one_of(
        st.just(("sign in",)),
        st.just(("change",)),
        st.just(("restart",)),
        st.just(("all at once",)),
        st.tuples(st.just("work"), st.sampled_from([30.0, 400.0, 1700.0, 3500.0])),
        st.tuples(st.just("rest"), st.sampled_from([90.0, 3600.0, 7300.0])),
    ),
    min_size=3,
    max_size=9,
)


def lived(world, script):
    """Play it; the tickets with their passwords in order, and how often the password was changed."""
    known, changes = [], 0
    for step, *seconds in [("sign in",), *script]:
        tickets = [ticket for ticket, _ in known]
        if step == "sign in":
            world.loop.pass_time(2)  # two logins of one second are one to the clock
            known.append((world.sign_in(), world.api.people["ann"]["password"]))
        elif step == "change":
            changes += 1
            world.api.change_password("ann", f"password {changes}")
        elif step == "restart":
            world.restart()
        elif step == "all at once":
            world.at_once(tickets)
        elif step == "work":
            world.work(tickets, *seconds, every=50)
        else:
            world.loop.pass_time(*seconds)
    return known, changes


@settings(max_examples=50, deadline=None)
@given(steps)
def test_changed_passwords_cost_little_and_leave_the_right_sessions(script):
    """Two wrong passwords for a change at most; the newest login stays if it is right, and none that is wrong does."""
    world = DirectoryWorld()
    world.api.threshold = 1000
    known, changes = lived(world, script)
    right = world.api.people["ann"]["password"]

    alive = world.work([ticket for ticket, _ in known], 3 * HOUR, every=50)

    assert world.api.wrong["ann"] <= 2 * changes
    assert all(password == right for (_, password), here in zip(known, alive, strict=True) if here)
    assert alive[-1] == (known[-1][1] == right)
    if not changes:
        assert all(alive)
    assert set(world.ended()) <= {"password_refused"}
    world.close()
