"""Docks with settings share one place."""

from napari_padis.gui.panel import dock_of
from napari_padis.gui.prepare.dock import PreparationDock


def test_the_second_dock_is_a_tab_of_the_first(make_dock, qtbot):
    viewer, dock = make_dock(window=True, show=True)
    window = dock.window()
    second = PreparationDock(viewer)
    viewer.window.add_dock_widget(second, name="Prepare measured data")
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(dock_of(dock)) == [dock_of(second)])
    assert second.height() > 400
    second.controller.close()
    assert second.controller.join(60)


def test_docks_elsewhere_are_left_alone(make_dock, qtbot):
    viewer, dock = make_dock(window=True)
    second = PreparationDock(viewer)
    viewer.window.add_dock_widget(second, name="Prepare measured data", area="left")
    qtbot.waitUntil(lambda: second._placed is not None)
    assert dock.window().tabifiedDockWidgets(dock_of(dock)) == []
    second.controller.close()
